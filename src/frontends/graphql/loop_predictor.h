// Predictions asked for by a worker and made where predictions are made: on the serving thread, through the stages of every other route.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "domain/request_context.h"
#include "frontends/graphql/context.h"
#include "net/server.h"

namespace vigil {
class RestHandler;
struct Call;
}  // namespace vigil

namespace vigil::graphql {

// Most that a worker waits for a prediction whose request has no deadline of its own.
inline constexpr int64_t kPredictWaitMsMax = 60'000;

// Made on the loop's thread for one request; used by one worker.
class LoopPredictor final : public Predictor {
 public:
  // `alive` is false, or gone, once the handler is; looked at on the loop's thread. All else that is given outlives the request.
  LoopPredictor(RestHandler& handler, net::EventLoop& loop, const Clock& clock, std::weak_ptr<bool> alive, const Call& call);

  StatusOr<Json> Predict(const PredictAsk& ask) override;

 private:
  RestHandler& handler_;
  net::EventLoop& loop_;
  const Clock& clock_;
  const std::weak_ptr<bool> alive_;
  std::string request_id_, principal_;
  RequestContext context_;  // its views are of the two above
};

}  // namespace vigil::graphql
