"""Words that a report may show although the request has them too: those of errors and of parameters."""

WORDS = frozenset(
    """
a accept access account add address addresses adds after again against alive all allowed already among an and
another answer answered answering answers anthropic any anyone api app are arguments array arrive as asc ask asked
assistant at audio authentication auto back background bad base be bear became become before began best betas bias
billing block blocks body boolean bridge brings broke broken browser busy but by byte bytes cache call called caller
calling calls came can cancelled cannot carried characters chat check choice choose claude cli client closed code
come command commands compaction completion completions compressed config connection container content context
continue control conversation correct corresponding could count cover covered create credentials credit custom cut
data day decoded deep deeper default definitions deleted demands denied desc describe description detail developer
diagnostics did digits disk display do doctor does draft each earlier echo effort empty encoding end ended entries
environment error errors event ever every exactly exceeded expected extra fable failed false fault fetch fetched few
fewer field file files fit follow for format found free frequency from full function functions gateway gave generate
geo gif give got gpt haiku has have header hear help here hint hold holder holds host hosted hosts http https id
identifier if ignored image images immediately in include inference input insists instructions integer internal
introduced invalid is it item items its itself jpeg json k keep keeps key keychain keys know known knows large
larger last later latest latin leads least leave left length less let levels limit list listens login logit logout
logprobs long loop machine machines made make makes management many marker max may mb mcp mend menu message messages
metadata middle midnight min mini missing modalities model more most multiple must n name named names nano needed
nested new newer next no none not nothing null number object of off offer offered old omitted on once one ones only
openai options opus or order origin origins other out output over overloaded own owner p page paid parallel param
parameters part parts path patterns paused payment pdf penalty permission person picture pixels plain plan png port
powershell preceding prediction presence present previous private process processes program prompt prompts proof
property proto provider py queue raise rate raw reach reached read reason reasoning redirects refused remove repeats
repetition request requested requests required reset response responses rest result results resume retention retry
rewind role run runs safety says schema schemas search seconds see seed send sends sent sequences serve server
servers service sessions set setting settings shift short shorten show side sign signed single size slow slowly so
something sonnet soon source speed start started state status stop stopped stopping store stored stream streamed
string strings subtype suffix summarized supported system take taken takes temperature template temporarily text
than that the them then there think thinking this thread tier time timeout times title to token tokens too took tool
tools top tray true truncate truncation trust try turbo turn two type types unavailable under understand understood
unexpected unexpectedly unknown unlock unsupported unusable update upstream url urls usage use used user uses utf v
valid value values verbosity version wait waiting waits was way web webp went were what where which while whole why
windows with within without words worker would wrong yet you your
""".split()
)
