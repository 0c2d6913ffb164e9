// What the page's modules say about their values: the shapes of what the server tells, and of the page's own parts.

type Child = Node | string | number | false | null | undefined | Child[];
type Props = Record<string, any>;

/** What a view gives to the frame. */
interface View {
  element: HTMLElement;
  enter(rest: string[], query: URLSearchParams): unknown;
  leave(): unknown;
}

/** A part of a view that shows what it is told. */
interface Part<T> {
  element: Element;
  update(next: T): unknown;
}

/** A problem as the tray and the command line show it, too. */
interface Trouble {
  title: string;
  message: string;
  hint?: string;
}

interface Usage {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_creation_tokens: number;
  thinking_tokens: number;
}

interface PlanWindow {
  title: string;
  status: string;
  used: number | null;
  seconds: number | null;
  resets_at: number | null;
  told_at?: number | null;
}

interface Model {
  value: string;
  display_name?: string;
  description?: string;
  efforts?: string[];
  can_stop_thinking?: boolean;
}

/** A Claude Code process, as the pool's picture shows it. */
interface PoolWorker {
  id: number;
  state: string;
  pid: number | null;
  model: string | null;
  started_at: number;
  since: number;
  expires_at: number | null;
}

interface Pool {
  sessions: PoolWorker[];
  size: number;
  max_sessions: number;
  warm: number;
  fitting: number;
  busy: number;
  queued: number;
  taken: [string, number][];
  no_reuse: string;
  problem: Trouble | null;
}

interface RequestUnderWay {
  id: string;
  client: string;
  model: string;
  streamed: boolean;
  queued: boolean;
  tokens: number;
  started_at: number;
}

interface Account {
  signed_in: boolean | null;
  uses_api_key: boolean;
  plan: string | null;
  cli_version: string | null;
  windows: PlanWindow[];
}

/** The server's state at one moment: the event `snapshot`. */
interface Snapshot {
  health: { word: string; text: string; detail: string; hint: string };
  account: Account;
  pool: Pool;
  requests: RequestUnderWay[];
  models: Model[];
  default_model: string;
  served: number;
  failed: number;
  demo: boolean;
  started_at: number | null;
  drains_since: number | null;
  restarts_then: boolean;
  newer_version: string | null;
  problem: Trouble | null;
  log_problem: Trouble | null;
  ollama_problem: Trouble | null;
  refused_pages: { origin: string; at: number; count: number }[];
}

/** The figures of the last hour: the event `last_hour`. */
interface Hour {
  until: number;
  answers: number;
  median: number | null;
  slowest: number | null;
  first_tokens: [number, number][];
  tokens: number[];
  errors: { id: string; title: string; message: string; client: string; at: number }[];
}

interface Live {
  snapshot: Snapshot;
  lastHour: Hour | null;
  connected: boolean;
}

/** What the log's list has of an exchange. */
interface Summary {
  id: string;
  file: string;
  at: number;
  outcome: string;
  client: string | null;
  model: string | null;
  error: string | null;
  question: string | null;
  answer: string | null;
  usage: Usage | null;
  timings: Timings | null;
}

interface Timings {
  queued_s?: number | null;
  session_ready_s?: number | null;
  first_token_s?: number | null;
  end_s?: number | null;
}

/** A request or turn in any dialect: what it holds depends on the client that sent it. */
type Wire = Record<string, any>;

/** An exchange of the log in full. */
interface Exchange {
  id: string;
  endpoint: string;
  dialect: string | null;
  received: string;
  outcome: string;
  status: number | null;
  streamed: boolean;
  client: string | null;
  key_name: string | null;
  model: string | null;
  answered_by: string | null;
  session: string | null;
  stop_reason: string | null;
  usage: Usage | null;
  timings: Timings | null;
  request: Wire | null;
  turn: Wire | null;
  answer: string | null;
  reasoning: string | null;
  tool_calls: { id: string; name: string; arguments: string }[] | null;
  error: Trouble | null;
  conversation: { thread?: string } | null;
}

/** A conversation: the place of each of its exchanges, by id, and what they have used together. */
interface Thread {
  branches: Record<string, { lane: number; number: number; of: number; before: string | null }>;
  used: Usage;
}

/** One row of usage: a day, an hour, a client … or all together. */
interface UsageRow extends Usage {
  name: string;
  requests: number;
  errors: number;
  first_token_median: number | null;
  first_token_slowest: number | null;
  cost: number;
  saved_by_cache: number;
  unpriced: number;
}

interface UsageReport {
  by: string;
  rows: UsageRow[];
  total: UsageRow;
  prices_told_at: number | null;
  progress: [number, number] | null;
}

/** What `/lamps` tells of a client. */
interface Seen {
  answered_at: number | null;
  problem: { id: string; title: string } | null;
}

/** A client whose settings can be copied. */
interface Client {
  id: string;
  name: string;
  where: string;
  settings: string;
  recognised: boolean;
  seen_at: number | null;
}

/** A client whose configuration file can be written. */
interface SetupClient {
  id: string;
  name: string;
  installed: boolean;
  set_up: boolean;
  files: string[];
}

interface Key {
  name: string;
  made_at: number;
  limits: { requests_per_day: number | null; tokens_per_day: number | null; models: string[]; dialects: string[]; paused: boolean };
  today: { requests: number; tokens: number };
}

/** A message in Chat Completions' shape. */
interface ChatMessage {
  role: string;
  content: any;
  tool_calls?: ChatCall[];
  tool_call_id?: string;
}

/** What stands under an answer in Try it. */
interface Told {
  note: string;
  reason: string | null;
  id: string | null;
  thought: string;
}

/** An answer in Try it, and what stands under it. */
interface Answer {
  message: ChatMessage;
  told: Told;
}

/** Two models' answers to the message before the `at`th. */
interface Pair {
  at: number;
  names: string[];
  answers: (Answer | null)[];
  chosen: number;
}

interface ChatCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

interface ChatUsage {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number };
}

