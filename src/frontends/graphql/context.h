// What the resolvers of one request work with, on a worker's thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "frontends/rest/infer_statistics.h"
#include "frontends/rest/route.h"
#include "service/operations.h"

namespace vigil::graphql {

// Rows to score; `body` is as POST /api/v1/models/{model}/predict takes it.
struct PredictAsk {
  std::string model;
  std::string version;  // empty: as the model's traffic says
  std::string label;    // instead of a version; empty: none
  std::string body;
};

// The way from a worker to the serving thread that scores.
class Predictor {
 public:
  virtual ~Predictor() = default;
  // Blocks until the rows are scored, at most until the request's deadline. The answer is that of the REST route; a failure is one that
  // ProblemStatus (problems.h) made.
  virtual StatusOr<Json> Predict(const PredictAsk& ask) = 0;
};

struct Context {
  Operations& operations;
  const InferStatistics& statistics;
  Predictor* predictor = nullptr;  // null: subscriptions, which change nothing
  std::string principal;
  uint64_t permissions = 0;  // bits numbered by Permission
  std::string request_id;

  // PERMISSION_DENIED when the caller lacks it.
  Status Demand(Permission permission) const;
};

}  // namespace vigil::graphql
