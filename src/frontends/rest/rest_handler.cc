#include "frontends/rest/rest_handler.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "frontends/graphql/endpoint.h"
#include "frontends/rest/request.h"
#include "frontends/words.h"
#include "net/content_coding.h"

namespace vigil {
namespace {

constexpr size_t kFreeScratchesMax = 8;
constexpr int64_t kForgetTurns = 50;  // between looks for columns of unloaded versions: a second
constexpr size_t kScratchBodyKeepBytesMax = 4 << 20;

// What a caller said is the most time an answer may take: X-Request-Timeout-Ms. 0: nothing was said.
int64_t TimeoutNs(std::string_view header) {
  int64_t ms = 0;
  header = StripBlanks(header);
  const auto [stop, error] = std::from_chars(header.data(), header.data() + header.size(), ms);
  if (error != std::errc() || stop != header.data() + header.size() || ms <= 0) return 0;
  return std::min(ms, kTimeoutUsMax / 1000) * 1'000'000;
}

// Loops draw their request ids far apart: seeds that differ by the generator's own increment would give each loop the ids of the one
// before it, one request later.
uint64_t LoopSeed(uint64_t seed, uint32_t loop) { return Random(seed + loop)(); }

// id, Content-Encoding, Vary, one of the route's, and the dialect's.
using AnswerHeaders = absl::InlinedVector<net::ReplyHeader, 4 + kEchoHeadersMax>;

// The transport takes a list that is written out: one of so many headers.
template <typename To, size_t... I>
void SendList(To& to, int status, std::string_view type, std::string_view body, const AnswerHeaders& headers, std::index_sequence<I...>) {
  to.Send(status, type, body, {headers[I]...});
}
template <typename To, size_t N = 1>
void SendAll(To& to, int status, std::string_view type, std::string_view body, const AnswerHeaders& headers) {
  if constexpr (N < 4 + kEchoHeadersMax) {
    if (headers.size() > N) return SendAll<To, N + 1>(to, status, type, body, headers);
  }
  SendList(to, status, type, body, headers, std::make_index_sequence<N>());
}

// Packs what is long enough where the client accepts it.
template <typename To>
void SendWithHeaders(To& to, int status, std::string_view type, std::string_view body, std::string_view request_id, net::ReplyHeader extra,
                     std::string_view accept_encoding, const EchoHeaders& echo = {}) {
  AnswerHeaders headers{{"X-Request-Id", request_id}};
  std::string packed;
  const net::Coding coding = body.size() < kCompressBytesMin ? net::Coding::kIdentity : net::AcceptedCoding(accept_encoding);
  if (coding != net::Coding::kIdentity) {
    net::Encode(coding, body, &packed);
    body = packed;
    headers.push_back({"Content-Encoding", net::CodingName(coding)});
    headers.push_back({"Vary", "Accept-Encoding"});
  }
  if (!extra.name.empty()) headers.push_back(extra);
  for (const net::ReplyHeader& header : echo) headers.push_back({header.name, header.value.empty() ? request_id : header.value});
  SendAll(to, status, type, body, headers);
}

using Digits = std::array<char, 24>;

// What a failure says beside its body: gRPC's status, or when to ask again. `digits` is where the number lies.
net::ReplyHeader FailureHeader(const Route* route, const Status& status, int http, int64_t retry_after_s, Digits* digits) {
  const bool grpc = route != nullptr && IsGrpc(route->dialect);
  if (!grpc && http != 503 && http != 429) return {};
  const int64_t number = grpc ? static_cast<int64_t>(GrpcCode(CodeOf(status))) : retry_after_s;
  const auto end = std::to_chars(digits->data(), digits->data() + digits->size(), number).ptr;
  return {grpc ? kGrpcStatus : std::string_view("Retry-After"), {digits->data(), static_cast<size_t>(end - digits->data())}};
}

}  // namespace

RestShared::RestShared(Operations& the_operations, OffloadPool& the_pool, Metrics& the_metrics, const Clock& the_clock,
                       RestOptions the_options)
    : operations(the_operations),
      pool(the_pool),
      metrics(the_metrics),
      clock(the_clock),
      options(std::move(the_options)),
      graphql(std::make_unique<graphql::Shared>()) {}

RestShared::~RestShared() = default;

void RestShared::StopWorkers() { graphql->pool.Stop(); }

RestHandler::RestHandler(RestShared& shared, net::EventLoop& loop, std::unique_ptr<PredictService> predict)
    : shared_(shared),
      loop_(loop),
      predict_(std::move(predict)),
      random_(LoopSeed(shared.options.seed, loop.index())),
      post_([loop = &loop](std::function<void()> task) { loop->Post(std::move(task)); }),
      alive_(std::make_shared<bool>(true)) {
  for (size_t d = 0; d < kDialects; ++d) {
    durations_[d] = &shared_.metrics.NewHistogram("vigil_request_duration_seconds", "From the whole request to its answer, by dialect.",
                                                  {{"dialect", std::string(DialectName(static_cast<Dialect>(d)))}}, LatencyBounds());
  }
  graphql_ = std::make_unique<graphql::Endpoint>(*this, loop, alive_);
  loop.AddTurnHook([this, alive = alive_] {
    if (*alive) EndTurn();
  });
  IdleTurn();
}

RestHandler::~RestHandler() { *alive_ = false; }

void RestHandler::OnDrain() { graphql_->Drain(); }

void RestHandler::EndTurn() {
  if (!predict_->EndTurn() || turn_is_due_) return;
  turn_is_due_ = true;
  loop_.RunAfter(kSoonMs, [this, alive = alive_] {
    if (!*alive) return;
    turn_is_due_ = false;
    EndTurn();
  });
}

// A loop without requests still hands its last counts over and lets go of versions that were unloaded.
void RestHandler::IdleTurn() {
  loop_.RunAfter(kIdleTurnMs, [this, alive = alive_] {
    if (!*alive) return;
    EndTurn();
    if (!parked_.empty()) GiveUpParked();
    if (++idle_turns_ % kForgetTurns == 0) ForgetUnloaded();
    IdleTurn();
  });
}

// A model that was unloaded leaves its columns behind with each thread: with thousands of models that adds up.
void RestHandler::ForgetUnloaded() {
  for (PerVersion& version : versions_) {
    if (version.columns != nullptr && version.loaded.expired()) version.columns = nullptr;
  }
}

void RestHandler::MakeRequestId(std::array<char, 16>* made) {
  constexpr char kHex[] = "0123456789abcdef";
  uint64_t id = random_();
  for (char& c : *made) {
    c = kHex[id & 15];
    id >>= 4;
  }
}

void RestHandler::MakeContext(Call& call) {
  RequestContext& context = call.context;
  context.arrived_ns = shared_.clock.MonotonicNs();
  context.received_us = shared_.clock.NowUs();
  context.shard = loop_.index();
  for (const net::Header& header : call.request.headers) {  // one pass; names differ in length, so most are told apart by that
    switch (header.name.size()) {
      case 12:
        if (EqualsIgnoreCase(header.name, "X-Request-Id") && IsSaneRequestId(header.value)) context.request_id = header.value;
        break;
      case 11:
        if (EqualsIgnoreCase(header.name, "traceparent")) context.trace = ParseTraceparent(header.value);
        break;
      case 15:
        if (EqualsIgnoreCase(header.name, "Accept-Encoding")) call.accept_encoding = header.value;
        break;
      case 16:
        if (EqualsIgnoreCase(header.name, "Content-Encoding")) call.encoding = StripBlanks(header.value);
        break;
      case 20:
        if (EqualsIgnoreCase(header.name, "X-Request-Timeout-Ms")) {
          if (const int64_t timeout = TimeoutNs(header.value); timeout > 0) context.deadline_ns = context.arrived_ns + timeout;
        }
        break;
      default: break;
    }
  }
  if (context.request_id.empty()) {
    MakeRequestId(&call.made_id);
    context.request_id = {call.made_id.data(), call.made_id.size()};
  }
}

void RestHandler::OnRequest(const net::HttpRequest& request, net::Exchange& exchange) {
  Call call{request, exchange, nullptr, {}, {}, {}, {}, {}, {}, request.body, nullptr, {}};
  MakeContext(call);
  Dispatch(call);
}

void RestHandler::OnCall(const Route& route, const net::HttpRequest& request, int64_t deadline_ns, net::Exchange& exchange) {
  Call call{request, exchange, &route, {}, {}, {}, {}, {}, {}, request.body, nullptr, {}};
  MakeContext(call);
  call.encoding = call.accept_encoding = {};  // of HTTP: a message is unpacked by the transport, and packed by it
  if (deadline_ns > 0) call.context.deadline_ns = std::min(call.context.deadline_ns, deadline_ns);
  Run(call);
}

void RestHandler::Dispatch(Call& call) {
  const net::HttpRequest& request = call.request;
  const Router::Match match = shared_.router.Find(request.method, request.path);
  call.route = match.route != nullptr ? match.route : match.neighbour;
  call.params = match.params;
  if (match.outcome != Router::Outcome::kFound) {
    if (match.outcome == Router::Outcome::kNoMethod && request.method == net::Method::kOptions) {
      Answer(call, 204, "", "", {"Allow", match.allow});
    } else if (match.outcome == Router::Outcome::kNoMethod) {
      const std::string text = Concat(net::MethodName(request.method), " is not offered here; ", match.allow, " are");
      AnswerError(call, Failure(ErrorCode::kMethodNotAllowed, text), {}, {"Allow", match.allow});
    } else {
      AnswerError(call, Failure(ErrorCode::kNotFound, Concat("no route ", request.path.substr(0, 200), shared_.router.Hint(request.path))));
    }
    return;
  }
  for (size_t i = 0; i < call.params.size; ++i) {
    if (call.params.values[i].find('%') == std::string_view::npos) continue;
    call.decoded[i] = PercentDecode(call.params.values[i]);
    call.params.values[i] = call.decoded[i];
  }
  Run(call);
}

void RestHandler::Run(Call& call) {
  const auto permission = static_cast<unsigned>(call.route->permission);
  if (permission != 0 && (call.context.principal.permissions >> permission & 1) == 0) {
    AnswerError(call, LacksPermission(call.context.principal.name, call.route->permission));
    return;
  }
  if (!call.encoding.empty()) {
    if (const Status unpacked = Unpack(call); !unpacked.ok()) return AnswerError(call, unpacked);
  }
  call.route->inline_handler != nullptr ? call.route->inline_handler(*this, call) : Offload(call);
}

Status RestHandler::Unpack(Call& call) const {
  const StatusOr<net::Coding> coding = net::CodingOf(call.encoding);
  if (!coding.ok()) return Failure(ErrorCode::kUnsupportedMediaType, MessageOf(coding.status()), "Content-Encoding");
  if (*coding == net::Coding::kIdentity) return absl::OkStatus();
  call.unpacked = std::make_unique<std::string>();
  if (const Status status = net::Decode(*coding, call.request.body, kDecodedBytesMax, call.unpacked.get()); !status.ok()) {
    const bool large = status.code() == absl::StatusCode::kResourceExhausted;
    return Failure(large ? ErrorCode::kTooLarge : ErrorCode::kMalformed, MessageOf(status), "body");
  }
  call.body = *call.unpacked;
  return absl::OkStatus();
}

std::string RestHandler::ErrorBody(int status, std::string_view reason, std::string_view request_id) {
  return ProblemBody(Failure(CodeOfHttp(status), reason), request_id);
}

std::string RestHandler::ErrorRequestId(std::string_view given) {
  if (IsSaneRequestId(given)) return std::string(given);
  std::array<char, 16> made;
  MakeRequestId(&made);
  return {made.data(), made.size()};
}

bool RestHandler::Ready() {
  if (shared_.options.ready && !shared_.options.ready()) return false;
  const RegistrySnapshot& models = *predict_->Models();
  for (const auto& [name, model] : models.models) {
    if (!model->ready() && !model->unloaded) return false;
  }
  return true;
}

void RestHandler::Answer(Call& call, int status, std::string_view content_type, std::string_view body, net::ReplyHeader extra) {
  Count(call.route, status, call.context.arrived_ns);
  SendWithHeaders(call.exchange, status, content_type, body, call.context.request_id, extra, call.accept_encoding, call.echo);
}

void RestHandler::AnswerPage(Call& call, std::string_view content_type, std::string_view body, std::string_view cache_control,
                             std::string_view content_security_policy) {
  Count(call.route, 200, call.context.arrived_ns);
  call.exchange.Send(200, content_type, body,
                     {{"X-Request-Id", call.context.request_id},
                      {"Cache-Control", cache_control},
                      {"Content-Security-Policy", content_security_policy},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"}});
}

std::string RestHandler::ErrorText(const Route* route, const Status& status, std::string_view request_id, const RefusedRows& refused,
                                   int* http, std::string_view* content_type) const {
  const ErrorCode code = CodeOf(status);
  *content_type = "application/json";
  *http = PlainHttpStatus(code);
  switch (route == nullptr ? Dialect::kOurs : route->dialect) {
    case Dialect::kOip: return OipErrorBody(status, refused);
    case Dialect::kMlflow: return MlflowErrorBody(status, refused);
    case Dialect::kTfs: return TfsErrorBody(status, refused);
    case Dialect::kSagemaker: return SagemakerErrorBody(status, refused);
    case Dialect::kVertex: return OipErrorBody(status, refused);
    case Dialect::kAzure: return AzureErrorBody(status, refused);
    case Dialect::kOipGrpc: return OipErrorMessage(status, refused);
    case Dialect::kTfsGrpc: return TfsErrorMessage(status, refused);
    case Dialect::kGraphql: return graphql::FailureText(status);
    case Dialect::kPlatform:
    case Dialect::kOurs: break;
  }
  *content_type = kProblemType;
  *http = ErrorInfo(code).http;
  return ProblemBody(status, request_id, refused);
}

void RestHandler::AnswerError(Call& call, const Status& status, const RefusedRows& refused, net::ReplyHeader extra) {
  int http = 500;
  std::string_view type;
  const std::string body = ErrorText(call.route, status, call.context.request_id, refused, &http, &type);
  Digits digits;
  if (extra.name.empty()) extra = FailureHeader(call.route, status, http, shared_.options.retry_after_s, &digits);
  Answer(call, http, type, body, extra);
}

// ---- models that are loaded on demand ----

namespace {

// A request's answer once it has been put off: everything goes to the deferred answer.
class PutOff final : public net::Exchange {
 public:
  explicit PutOff(std::shared_ptr<net::Deferred> deferred) : deferred_(std::move(deferred)) {}
  void Send(int status, std::string_view type, std::string_view body, std::initializer_list<net::ReplyHeader> headers) override {
    deferred_->Send(status, type, body, headers);
  }
  std::shared_ptr<net::Deferred> Defer() override { return deferred_; }

 private:
  const std::shared_ptr<net::Deferred> deferred_;
};

}  // namespace

void RestHandler::AnswerUnresolved(Call& call, std::string_view model, std::string_view version, const Status& status) {
  const uint64_t ticket = next_ticket_++;
  const Status asked = predict_->Load(model, version, [this, ticket, loop = &loop_, alive = std::weak_ptr<bool>(alive_)](Status loaded) {
    loop->Post([this, ticket, loaded = std::move(loaded), alive] {
      const std::shared_ptr<bool> flag = alive.lock();
      if (flag != nullptr && *flag) Unpark(ticket, loaded);
    });
  });
  if (!asked.ok()) {
    const Status& why = absl::IsFailedPrecondition(asked) ? status : asked;
    const bool is_tfs = call.route->dialect == Dialect::kTfs || call.route->dialect == Dialect::kTfsGrpc;
    return AnswerError(call, is_tfs ? TfsUnresolved(why, model, version) : why);
  }
  Parked& parked = parked_[ticket];
  parked.deferred = call.exchange.Defer();
  parked.request = call.request;
  parked.request_id = call.context.request_id;
  parked.context = call.context;
  parked.context.request_id = parked.request_id;
  parked.encoding = call.encoding;
  parked.accept_encoding = call.accept_encoding;
  parked.route = call.route;
}

StatusOr<std::string> RestHandler::VersionOfLabel(std::string_view model, std::string_view label) {
  const ServedModels& models = predict_->Models()->models;
  const auto served = models.find(model);
  if (served == models.end()) return predict_->Resolve(model, "").status();  // says what is the nearest
  const auto found = served->second->labels.find(label);
  if (found != served->second->labels.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, version] : served->second->labels) names.push_back(name);
  return absl::NotFoundError(Concat("model ", model, " has no label \"", label, "\"", DidYouMean(label, names)));
}

void RestHandler::Unpark(uint64_t ticket, const Status& status) {
  const auto found = parked_.find(ticket);
  if (found == parked_.end()) return;  // it was given up
  Parked parked = std::move(found->second);
  parked_.erase(found);
  if (parked.deferred->client_gone()) return;
  PutOff exchange(parked.deferred);
  Call call{parked.request,      exchange, parked.route, {}, parked.context, {}, {}, parked.encoding, parked.accept_encoding,
            parked.request.body, nullptr};
  call.context.request_id = parked.request_id;  // a short one moved with its text
  if (!status.ok()) return AnswerError(call, status);
  if (call.route->step) return call.route->inline_handler(*this, call);
  IsGrpc(call.route->dialect) ? Run(call) : Dispatch(call);
}

void RestHandler::GiveUpParked() {
  const int64_t now_ns = shared_.clock.MonotonicNs();
  std::vector<std::pair<uint64_t, bool>> late;
  for (const auto& [ticket, parked] : parked_) {
    const bool past_deadline = now_ns >= parked.context.deadline_ns;
    if (past_deadline || now_ns - parked.context.arrived_ns >= shared_.options.load_wait_ms_max * 1'000'000) {
      late.emplace_back(ticket, past_deadline);
    }
  }
  for (const auto& [ticket, past_deadline] : late) {
    Unpark(ticket, past_deadline ? absl::DeadlineExceededError("the request's deadline passed before its model was loaded")
                                 : absl::UnavailableError(
                                       Concat("the model was not loaded within ", shared_.options.load_wait_ms_max, " ms; ask again")));
  }
}

// ---- predictions ----

PredictScratch* RestHandler::BeginPredict(Call& call, std::string_view model, std::string_view version, PredictWriter writer) {
  StatusOr<PredictTarget> target = predict_->Resolve(model, version);
  if (!target.ok()) {
    AnswerUnresolved(call, model, version, target.status());
    return nullptr;
  }
  if (free_.empty()) {
    scratches_.push_back(std::make_unique<PredictScratch>());
    scratches_.back()->handler = this;
    free_.push_back(scratches_.back().get());
  }
  PredictScratch* scratch = free_.back();
  free_.pop_back();
  scratch->route = call.route;
  scratch->writer = writer;
  scratch->target = *std::move(target);
  scratch->context = call.context;
  scratch->result = {};
  scratch->accept_encoding = call.accept_encoding;
  scratch->unpacked = std::move(call.unpacked);
  scratch->content_type = "application/json";
  scratch->extra = {};
  scratch->echo = call.echo;
  scratch->oip_request.Clear();
  scratch->tfs_request.Clear();
  scratch->batch.Reset(0);  // a body that is refused before its rows are read has none, and none of another request's
  scratch->absent.clear();
  scratch->texts.clear();
  return scratch;
}

void RestHandler::FinishPredict(Call& call, PredictScratch* scratch, const Status& parsed) {
  Status status = parsed;
  scratch->parsed_ns = shared_.clock.MonotonicNs();
  if (status.ok() && scratch->batch.rows == 0) {
    status = Failure(ErrorCode::kInvalid, "there are no rows");
  } else if (status.ok() && !scratch->absent.empty()) {
    const ColumnIndex& columns = Columns(scratch->target);
    for (const uint32_t column : scratch->absent) {
      scratch->batch.AddError({0, columns.names()[column], "", std::string(RuleName(Rule::kMissing))});
    }
    status = Failure(ErrorCode::kSchemaViolation, Concat("no row has the column ", QuotedNames(columns, scratch->absent)));
  } else if (status.ok() && scratch->parsed_ns >= scratch->context.deadline_ns) {
    status = absl::DeadlineExceededError("the caller's deadline had passed before scoring");
  } else if (status.ok()) {
    StatusOr<ScoreState> state = predict_->Predict(scratch->context, scratch->target, scratch->batch, &scratch->result, post_,
                                                   [scratch](StatusOr<PredictResult> result) {
                                                     if (result.ok()) scratch->result = *result;
                                                     scratch->handler->Settle(scratch, result.status(), nullptr);
                                                   });
    if (state.ok() && *state == ScoreState::kLater) {
      scratch->request_id = scratch->context.request_id;
      scratch->context.request_id = scratch->request_id;
      scratch->deferred = call.exchange.Defer();
      return;
    }
    status = state.status();
  }
  Settle(scratch, status, &call.exchange);
}

// Answers a prediction, now (`exchange`) or late (the scratch's deferred answer), and takes the scratch back.
void RestHandler::Settle(PredictScratch* scratch, const Status& status, net::Exchange* exchange) {
  int http = 200;
  std::string_view type;
  const int64_t scored_ns = shared_.clock.MonotonicNs();
  scratch->body.clear();
  Digits digits;
  net::ReplyHeader extra;
  const bool refused_rows = !status.ok() && (scratch->result.error_count > 0 || scratch->batch.error_count > 0);
  if (status.ok()) {
    scratch->writer(*scratch, &scratch->body);
    type = scratch->content_type;
    extra = scratch->extra;
  } else {
    RefusedRows refused;
    if (scratch->result.error_count > 0) {
      refused = {scratch->result.errors, scratch->result.error_count};
    } else {
      refused = {scratch->batch.errors, scratch->batch.error_count};
    }
    // A pipeline says only that rows were refused; which of our codes that is, is decided here.
    const bool violation = refused_rows && CodeOf(status) == ErrorCode::kInvalid;
    const Status failure = violation ? Failure(ErrorCode::kSchemaViolation, MessageOf(status)) : status;
    if (!violation && CodeOf(status) != ErrorCode::kSchemaViolation) refused = {};
    scratch->body = ErrorText(scratch->route, failure, scratch->context.request_id, refused, &http, &type);
    extra = FailureHeader(scratch->route, failure, http, shared_.options.retry_after_s, &digits);
  }
  CountRows(*scratch, refused_rows);
  const int64_t done_ns = Count(scratch->route, http, scratch->context.arrived_ns);
  const InferTimes times{scratch->context.arrived_ns, scratch->parsed_ns, scored_ns, done_ns};
  PerVersionOf(*scratch->target.version)
      .infer->Add(status.ok(), scratch->batch.rows, times, scratch->context.received_us + (done_ns - times.arrived_ns) / 1000);
  if (exchange != nullptr) {
    SendWithHeaders(*exchange, http, type, scratch->body, scratch->context.request_id, extra, scratch->accept_encoding, scratch->echo);
  } else {
    SendWithHeaders(*scratch->deferred, http, type, scratch->body, scratch->context.request_id, extra, scratch->accept_encoding,
                    scratch->echo);
  }
  scratch->deferred.reset();
  scratch->target = {};
  scratch->unpacked = nullptr;
  scratch->memory.Release();
  if (scratch->body.capacity() > kScratchBodyKeepBytesMax) scratch->body = std::string();
  if (scratch->batch.values.capacity() * sizeof(float) > kScratchBodyKeepBytesMax) scratch->batch = RowBatch();
  if (free_.size() < kFreeScratchesMax) {
    free_.push_back(scratch);
  } else {
    std::erase_if(scratches_, [scratch](const auto& owned) { return owned.get() == scratch; });
  }
}

// ---- the control plane ----

void RestHandler::Offload(Call& call) {
  ApiRequest request;
  for (size_t i = 0; i < call.params.size; ++i) request.params.emplace_back(call.params.values[i]);
  request.query = call.request.query;
  request.content_type = call.request.header("Content-Type");
  request.body = call.body;
  request.principal = call.context.principal.name;
  request.request_id = call.context.request_id;
  AnswerLater(call, shared_.pool, [operation = call.route->operation, request = std::move(request), shared = &shared_] {
    return operation(shared->operations, request);
  });
}

void RestHandler::AnswerLater(Call& call, OffloadPool& pool, std::function<StatusOr<Reply>()> work) {
  const uint64_t ticket = next_ticket_++;
  pending_[ticket] = {call.exchange.Defer(), call.route, std::string(call.context.request_id), call.context.arrived_ns,
                      call.accept_encoding};
  const bool submitted = pool.TrySubmit([this, ticket, work = std::move(work), loop = &loop_, alive = std::weak_ptr<bool>(alive_)]() {
    auto reply = std::make_shared<StatusOr<Reply>>(work());
    loop->Post([this, ticket, reply, alive] {
      const std::shared_ptr<bool> flag = alive.lock();
      if (flag != nullptr && *flag) LaterDone(ticket, *reply);
    });
  });
  if (!submitted) LaterDone(ticket, absl::UnavailableError("too many control requests are waiting; ask again"));
}

void RestHandler::LaterDone(uint64_t ticket, const StatusOr<Reply>& reply) {
  const auto found = pending_.find(ticket);
  if (found == pending_.end()) return;
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  if (reply.ok()) {
    Count(pending.route, reply->status, pending.arrived_ns);
    if (reply->stream) return reply->stream(pending.deferred, pending.request_id);
    SendWithHeaders(*pending.deferred, reply->status, reply->content_type, reply->body, pending.request_id,
                    {reply->header.first, reply->header.second}, pending.accept_encoding);
    return;
  }
  int http = 500;
  std::string_view type;
  const std::string body = ErrorText(pending.route, reply.status(), pending.request_id, {}, &http, &type);
  Count(pending.route, http, pending.arrived_ns);
  Digits digits;
  const net::ReplyHeader extra = FailureHeader(pending.route, reply.status(), http, shared_.options.retry_after_s, &digits);
  SendWithHeaders(*pending.deferred, http, type, body, pending.request_id, extra, pending.accept_encoding);
}

// ---- counting ----

int64_t RestHandler::Count(const Route* route, int status, int64_t arrived_ns) {
  if (route != nullptr && route->step) return shared_.clock.MonotonicNs();
  const auto dialect = static_cast<size_t>(route == nullptr ? Dialect::kPlatform : route->dialect);
  Counter*& cell = requests_[dialect][static_cast<size_t>(std::clamp(status, 0, 599))];
  if (cell == nullptr) {
    cell = &shared_.metrics.NewCounter("vigil_requests_total", "Requests answered, by dialect and HTTP status.",
                                       {{"dialect", std::string(DialectName(static_cast<Dialect>(dialect)))}, {"code", Concat(status)}});
  }
  cell->Add();
  const int64_t now_ns = shared_.clock.MonotonicNs();
  durations_[dialect]->Observe(static_cast<double>(now_ns - arrived_ns) * 1e-9);
  return now_ns;
}

void RestHandler::CountRows(const PredictScratch& scratch, bool refused) {
  const ServedVersion& champion = *scratch.target.version;
  const auto rows = static_cast<int64_t>(scratch.batch.rows);
  if (refused) {
    PerVersionOf(champion).refused->Add(rows);
    return;
  }
  const PredictResult& result = scratch.result;
  if (result.outputs.empty()) return;
  const auto version_of = [&](std::string_view version) -> const ServedVersion& {
    if (version.empty() || version == champion.facts.version) return champion;
    const auto found = scratch.target.model->versions.find(std::string(version));
    return found == scratch.target.model->versions.end() ? champion : *found->second;
  };
  if (result.versions.empty() && result.refused.empty()) {
    PerVersionOf(version_of(result.version)).predictions->Add(rows);
    return;
  }
  for (size_t row = 0; row < scratch.batch.rows; ++row) {
    PerVersion& version = PerVersionOf(version_of(row < result.versions.size() ? result.versions[row] : result.version));
    (row < result.refused.size() && result.refused[row] != 0 ? version.refused : version.predictions)->Add();
  }
}

const ColumnIndex& RestHandler::Columns(const PredictTarget& target) {
  PerVersion& kept = PerVersionOf(*target.version);
  if (&target.table() == &target.version->loaded->table()) return *kept.columns;
  if (kept.plan_table != target.model->table) {
    kept.plan_table = target.model->table;
    kept.plan_columns = std::make_unique<ColumnIndex>(*kept.plan_table);
  }
  return *kept.plan_columns;
}

RestHandler::PerVersion& RestHandler::PerVersionOf(const ServedVersion& version) {
  if (version.slot >= versions_.size()) versions_.resize(version.slot + 1);
  PerVersion& kept = versions_[version.slot];
  // A slot may be given to another version once its former one is gone.
  if (kept.columns != nullptr && !kept.loaded.owner_before(version.loaded) && !version.loaded.owner_before(kept.loaded)) return kept;
  kept.loaded = version.loaded;
  kept.columns = std::make_unique<ColumnIndex>(version.loaded->table());
  const MetricLabels labels{{"model", version.facts.model}, {"version", version.facts.version}};
  kept.predictions = &shared_.metrics.NewCounter("vigil_predictions_total", "Rows scored, by the version that answered.", labels);
  kept.refused = &shared_.metrics.NewCounter("vigil_refused_rows_total", "Rows refused for breaking the schema.", labels);
  kept.infer = &shared_.statistics->NewCell(version.facts.model, version.facts.version);
  return kept;
}

}  // namespace vigil
