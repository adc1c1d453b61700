#include "frontends/graphql/loop_predictor.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "frontends/graphql/problems.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/rest_handler.h"

namespace vigil::graphql {
namespace {

constexpr net::Header kJsonBody{"Content-Type", "application/json"};

// The model and version stand where a request's path and target would.
void ScoreStep(RestHandler& handler, Call& call) { PredictRows(handler, call, call.request.path, std::string(call.request.target)); }

// A prediction that is a part of another request: it is logged, watched and counted as a prediction, not as a request.
constexpr Route StepRoute() {
  Route route;
  route.method = net::Method::kPost;
  route.dialect = Dialect::kOurs;
  route.permission = Permission::kPredict;
  route.inline_handler = ScoreStep;
  route.step = true;
  return route;
}
constexpr Route kStep = StepRoute();

// What the worker and the loop share of one prediction.
struct Step {
  PredictAsk ask;
  std::string request_id, principal;
  RequestContext context;
  net::HttpRequest request;

  std::mutex mutex;
  std::condition_variable answered;
  bool over = false;  // answered, or given up
  std::optional<std::pair<int, std::string>> answer;

  void End(std::optional<std::pair<int, std::string>> with = std::nullopt) {
    {
      const std::lock_guard lock(mutex);
      if (over) return;
      over = true;
      answer = std::move(with);
    }
    answered.notify_all();
  }
};

// The answer of a prediction, now or later. Dropped unanswered, the worker is told.
class StepAnswer final : public net::Deferred {
 public:
  explicit StepAnswer(std::shared_ptr<Step> step) : step_(std::move(step)) {}
  ~StepAnswer() override { step_->End(); }
  void Send(int status, std::string_view, std::string_view body, std::initializer_list<net::ReplyHeader>) override {
    step_->End(std::pair(status, std::string(body)));
  }
  void Start(int, std::string_view, std::initializer_list<net::ReplyHeader>) override {}
  void Frame(std::string_view) override {}
  void End() override {}
  bool client_gone() const override { return false; }
  size_t unsent_bytes() const override { return 0; }

 private:
  const std::shared_ptr<Step> step_;  // its texts are the request's, which stay while this does
};

class StepExchange final : public net::Exchange {
 public:
  explicit StepExchange(std::shared_ptr<Step> step) : answer_(std::make_shared<StepAnswer>(std::move(step))) {}
  void Send(int status, std::string_view type, std::string_view body, std::initializer_list<net::ReplyHeader> headers) override {
    answer_->Send(status, type, body, headers);
  }
  std::shared_ptr<net::Deferred> Defer() override { return answer_; }

 private:
  const std::shared_ptr<StepAnswer> answer_;
};

// A task that the loop drops tells the worker.
struct Unrun {
  explicit Unrun(std::shared_ptr<Step> of) : step(std::move(of)) {}
  Unrun(const Unrun&) = delete;
  Unrun& operator=(const Unrun&) = delete;
  ~Unrun() {
    if (step != nullptr) step->End();
  }

  std::shared_ptr<Step> step;
};

void Score(RestHandler& handler, const std::shared_ptr<Step>& step) {
  step->request.method = net::Method::kPost;
  step->request.path = step->ask.model;
  step->request.headers.push_back(kJsonBody);
  step->request.body = step->ask.body;
  StepExchange exchange(step);
  Call call{step->request, exchange, &kStep, {}, step->context, {}, {}, {}, {}, step->request.body, nullptr, {}};
  if (!step->ask.label.empty()) {
    StatusOr<std::string> version = handler.VersionOfLabel(step->ask.model, step->ask.label);
    if (!version.ok()) return handler.AnswerError(call, version.status());
    step->ask.version = *std::move(version);
  }
  step->request.target = step->ask.version;
  ScoreStep(handler, call);
}

}  // namespace

LoopPredictor::LoopPredictor(RestHandler& handler, net::EventLoop& loop, const Clock& clock, std::weak_ptr<bool> alive, const Call& call)
    : handler_(handler),
      loop_(loop),
      clock_(clock),
      alive_(std::move(alive)),
      request_id_(call.context.request_id),
      principal_(call.context.principal.name),
      context_(call.context) {}

StatusOr<Json> LoopPredictor::Predict(const PredictAsk& ask) {
  const int64_t now_ns = clock_.MonotonicNs();
  if (now_ns >= context_.deadline_ns) return absl::DeadlineExceededError("the request's deadline had passed before scoring");
  auto step = std::make_shared<Step>();
  step->ask = ask;
  step->request_id = request_id_;
  step->principal = principal_;
  step->context = context_;
  step->context.request_id = step->request_id;
  step->context.principal.name = step->principal;
  step->context.principal.tenant = {};
  step->context.arrived_ns = now_ns;
  loop_.Post([handler = &handler_, unrun = std::make_shared<Unrun>(step), alive = alive_] {
    const std::shared_ptr<bool> flag = alive.lock();
    if (flag != nullptr && *flag) Score(*handler, std::exchange(unrun->step, nullptr));
  });
  const int64_t wait_ns = std::min(context_.deadline_ns - now_ns, kPredictWaitMsMax * 1'000'000);
  std::unique_lock lock(step->mutex);
  const bool over = step->answered.wait_for(lock, std::chrono::nanoseconds(wait_ns), [&] { return step->over; });
  if (!over) return absl::DeadlineExceededError("the rows were not scored in time");
  if (!step->answer.has_value()) return absl::UnavailableError("the server stops");
  const auto& [http, body] = *step->answer;
  if (http != 200) return ProblemStatus(body);
  return ParseJson(body, "a prediction's answer");
}

}  // namespace vigil::graphql
