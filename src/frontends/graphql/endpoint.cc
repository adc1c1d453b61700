#include "frontends/graphql/endpoint.h"

#include <utility>

#include "frontends/errors.h"
#include "frontends/graphql/loop_predictor.h"
#include "frontends/graphql/problems.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr int kNotAcceptable = 406;
// What a form gets depends on Accept, so that nothing must be kept for another request of the same URL.
constexpr std::pair<std::string_view, std::string_view> kNoStore{"Cache-Control", "no-store"};

Reply TextReply(int status, Form form, std::string body) {
  Reply reply;
  reply.status = status;
  reply.content_type = ContentTypeOf(form);
  reply.body = std::move(body);
  reply.header = kNoStore;
  return reply;
}

// A request that never came to be an operation: its status says so in every form, and events are none.
Reply Refusal(int status, Form form, const Status& why) {
  return TextReply(status, form == Form::kResponse ? form : Form::kJson, FailureText(why));
}

// What became of an operation.
Reply Outcome(Form form, bool executed, const std::string& text) {
  if (form == Form::kEvents) return TextReply(200, form, EventsOf(text));
  return TextReply(executed || form == Form::kJson ? 200 : 400, form, text);
}

}  // namespace

// One request on its way through a worker.
struct Endpoint::Job {
  Form form = Form::kJson;
  bool get = false;
  std::string text;  // the body, or the query string
  int64_t deadline_ns = INT64_MAX;
  LoopPredictor predictor;
  Context context;
};

Endpoint::Endpoint(RestHandler& handler, net::EventLoop& loop, std::weak_ptr<bool> alive)
    : handler_(handler),
      shared_(*handler.shared().graphql),
      loop_(loop),
      alive_(std::move(alive)),
      subscriptions_(shared_, handler.shared().operations, *handler.shared().statistics, handler.shared().clock, loop, alive_) {}

Endpoint::~Endpoint() = default;

void Endpoint::Handle(Call& call) {
  const auto refuse = [&](int status, Form form, const Status& why) {
    const Reply reply = Refusal(status, form, why);
    handler_.Answer(call, reply.status, reply.content_type, reply.body);
  };
  const bool get = call.request.method != net::Method::kPost;
  const Form form = ChooseForm(call.request.header("Accept"), get);
  if (form == Form::kPage) return AnswerGraphiql(handler_, call, "index.html");
  if (form == Form::kNone) {
    return refuse(
        kNotAcceptable, form,
        Failure(ErrorCode::kInvalid, "application/graphql-response+json, application/json and text/event-stream are given", "Accept"));
  }
  if (!get) {
    if (const Status type = CheckContentType(call.request.header("Content-Type")); !type.ok()) {
      return refuse(ErrorInfo(CodeOf(type)).http, form, type);
    }
  }
  RestShared& rest = handler_.shared();
  auto job = std::make_shared<Job>(Job{form,
                                       get,
                                       std::string(get ? call.request.query : call.body),
                                       call.context.deadline_ns,
                                       {handler_, loop_, rest.clock, alive_, call},
                                       {rest.operations, *rest.statistics, nullptr, std::string(call.context.principal.name),
                                        call.context.principal.permissions, std::string(call.context.request_id)}});
  job->context.predictor = &job->predictor;
  handler_.AnswerLater(call, shared_.pool, [this, job] { return Answer(*job); });
}

ExecuteOptions Endpoint::OptionsFor(Job& job, const Asked& asked) const {
  ExecuteOptions options;
  options.operation_name = asked.operation_name;
  options.variables = &asked.variables;
  options.context = &job.context;
  options.extensions = ProblemExtensions;
  options.proceed = [deadline_ns = job.deadline_ns, clock = &handler_.shared().clock]() -> Status {
    if (clock->MonotonicNs() < deadline_ns) return absl::OkStatus();
    return absl::DeadlineExceededError("the request's deadline has passed");
  };
  return options;
}

StatusOr<Reply> Endpoint::Answer(Job& job) {
  const StatusOr<Asked> asked = job.get ? ReadQueryString(job.text) : ReadBody(job.text);
  if (!asked.ok()) return Refusal(ErrorInfo(CodeOf(asked.status())).http, job.form, asked.status());
  const Prepared prepared = Prepare(shared_.api->schema(), asked->query);
  if (prepared.document == nullptr) return Outcome(job.form, false, ErrorsText(prepared.errors));
  const std::optional<OperationKind> kind = prepared.document->KindOf(asked->operation_name);
  if (job.get && kind == OperationKind::kMutation) {
    Reply reply = Refusal(405, job.form, Failure(ErrorCode::kMethodNotAllowed, "a mutation is sent by POST: GET changes nothing"));
    reply.header = {"Allow", "POST"};
    return reply;
  }
  if (kind == OperationKind::kSubscription) {
    if (job.form == Form::kEvents) return Listen(job, prepared.document, *asked);
    return Refusal(kNotAcceptable, job.form,
                   Failure(ErrorCode::kInvalid, "a subscription is a stream of events: send Accept: text/event-stream", "Accept"));
  }
  const Response response = Execute(shared_.api->resolvers(), *prepared.document, OptionsFor(job, *asked));
  return Outcome(job.form, response.executed, response.Text());
}

StatusOr<Reply> Endpoint::Listen(Job& job, std::shared_ptr<const Document> document, const Asked& asked) {
  Subscribed subscribed = Subscribe(shared_.api->resolvers(), std::move(document), OptionsFor(job, asked));
  if (!subscribed.subscription.has_value()) return Outcome(job.form, false, subscribed.refusal.Text());
  StatusOr<std::unique_ptr<Feed>> feed = MakeFeed(subscribed.subscription->field(), subscribed.subscription->arguments());
  if (!feed.ok()) return Outcome(job.form, false, FailureText(feed.status()));
  RestShared& rest = handler_.shared();
  Look look(rest.operations, *rest.statistics, rest.clock);
  if (const Status begun = (*feed)->Begin(look); !begun.ok()) return Outcome(job.form, false, FailureText(begun));
  std::unique_ptr<ListenerPlace> place = ListenerPlace::Take(shared_.listeners);
  if (place == nullptr) return absl::UnavailableError(Concat(kListenersMax, " subscriptions are open already"));
  job.context.predictor = nullptr;
  auto listener = std::make_shared<Listener>(
      Listener{std::move(place), job.deadline_ns, *std::move(subscribed.subscription), *std::move(feed), job.context});
  Reply reply;
  reply.stream = [this, listener](std::shared_ptr<net::Deferred> stream, std::string_view request_id) {
    subscriptions_.Add(listener, std::move(stream), request_id);
  };
  return reply;
}

}  // namespace vigil::graphql

namespace vigil {

void HandleGraphql(RestHandler& handler, Call& call) { handler.graphql().Handle(call); }

}  // namespace vigil
