#include "runtime/trees/objective.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "base/text.h"
#include "runtime/cat.h"

namespace vigil::trees {
namespace {

constexpr Objective kObjectives[] = {
    {"reg:squarederror", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"reg:linear", Transform::kIdentity, Link::kIdentity, Task::kRegression},  // the old name of reg:squarederror
    {"reg:squaredlogerror", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"reg:pseudohubererror", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"reg:absoluteerror", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"reg:quantileerror", Transform::kSorted, Link::kIdentity, Task::kRegression},
    {"reg:expectileerror", Transform::kSoftplusSteps, Link::kSoftplusSteps, Task::kRegression},
    {"reg:logistic", Transform::kSigmoid, Link::kLogit, Task::kRegression},
    {"reg:gamma", Transform::kExp, Link::kLog, Task::kRegression},
    {"reg:tweedie", Transform::kExp, Link::kLog, Task::kRegression},
    {"count:poisson", Transform::kExp, Link::kLog, Task::kRegression},
    {"survival:cox", Transform::kExp, Link::kLog, Task::kRegression},
    {"survival:aft", Transform::kExp, Link::kLog, Task::kRegression},
    {"binary:logistic", Transform::kSigmoid, Link::kLogit, Task::kBinary},
    {"binary:logitraw", Transform::kIdentity, Link::kIdentity, Task::kBinary},
    {"binary:hinge", Transform::kHinge, Link::kIdentity, Task::kBinary},
    {"multi:softprob", Transform::kSoftmax, Link::kIdentity, Task::kMulticlass},
    {"multi:softmax", Transform::kArgmax, Link::kIdentity, Task::kMulticlass},
    {"rank:pairwise", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"rank:ndcg", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"rank:map", Transform::kIdentity, Link::kIdentity, Task::kRanking},
};

// As XGBoost computes it (common/math.h), with its guard against overflow of exp.
float Sigmoid(float x) {
  constexpr float kEpsilon = 1e-16f;
  return 1.0f / (std::exp(std::min(-x, 88.7f)) + 1.0f + kEpsilon);
}

// As LightGBM and CatBoost do.
double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// The least step between two expectiles, and what makes it of a margin and a margin of it (XGBoost's kRtEps, SoftPlus, SoftPlusInv).
constexpr float kLeastStep = 1e-6f;

template <typename T>
T Softplus(T x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

float SoftplusInverse(float x) {
  x = std::max(x, kLeastStep);
  return x + std::log(-std::expm1(-x));
}

template <typename T>
void SoftmaxRow(const T* margins, size_t outputs, T* predictions) {
  const T peak = *std::max_element(margins, margins + outputs);
  double sum = 0;
  for (size_t o = 0; o < outputs; ++o) {
    predictions[o] = std::exp(margins[o] - peak);
    sum += predictions[o];
  }
  for (size_t o = 0; o < outputs; ++o) predictions[o] /= static_cast<T>(sum);
}

template <typename T>
void Transformed(const Objective& objective, const T* margins, size_t rows, size_t outputs, T* predictions) {
  const size_t values = rows * outputs;
  const T slope = static_cast<T>(objective.slope);
  switch (objective.transform) {
    case Transform::kIdentity:
      if (predictions != margins) std::copy_n(margins, values, predictions);
      return;
    case Transform::kSigmoid:
      for (size_t i = 0; i < values; ++i) predictions[i] = Sigmoid(slope * margins[i]);
      return;
    case Transform::kExp:
      for (size_t i = 0; i < values; ++i) predictions[i] = std::exp(margins[i]);
      return;
    case Transform::kHinge:
      for (size_t i = 0; i < values; ++i) predictions[i] = margins[i] > 0 ? T{1} : T{0};
      return;
    case Transform::kSoftmax:
      for (size_t r = 0; r < rows; ++r) SoftmaxRow(margins + r * outputs, outputs, predictions + r * outputs);
      return;
    case Transform::kArgmax:
      for (size_t r = 0; r < rows; ++r) {
        const T* row = margins + r * outputs;
        predictions[r] = static_cast<T>(std::max_element(row, row + outputs) - row);
      }
      return;
    case Transform::kSignedSquare:
      for (size_t i = 0; i < values; ++i) predictions[i] = margins[i] * std::abs(margins[i]);
      return;
    case Transform::kLog1pExp:
      for (size_t i = 0; i < values; ++i) predictions[i] = std::log1p(std::exp(margins[i]));
      return;
    case Transform::kSorted:
      if (predictions != margins) std::copy_n(margins, values, predictions);
      for (size_t r = 0; r < rows; ++r) std::sort(predictions + r * outputs, predictions + (r + 1) * outputs);
      return;
    case Transform::kSoftplusSteps:
      for (size_t r = 0; r < rows; ++r) {
        predictions[r * outputs] = margins[r * outputs];
        for (size_t i = r * outputs + 1; i < (r + 1) * outputs; ++i)
          predictions[i] = predictions[i - 1] + (kLeastStep + Softplus(margins[i]));
      }
      return;
    case Transform::kMeanVariance:
      for (size_t r = 0; r < rows; ++r) {
        predictions[2 * r] = margins[2 * r];
        predictions[2 * r + 1] = std::exp(2 * margins[2 * r + 1]);
      }
      return;
  }
}

}  // namespace

StatusOr<Objective> FindObjective(std::string_view name) {
  std::vector<std::string> known;
  for (const Objective& objective : kObjectives) {
    if (objective.name == name) return objective;
    known.emplace_back(objective.name);
  }
  return absl::InvalidArgumentError(
      Cat("unknown objective '", name, "'", DidYouMean(name, known), "; known: ", absl::StrJoin(known, ", ")));
}

Status BaseMargins(Link link, absl::Span<float> scores) {
  const auto margin = [&](size_t o) {
    if (link == Link::kLogit) return -std::log(1.0f / scores[o] - 1.0f);
    if (link == Link::kLog) return std::log(scores[o]);
    if (link == Link::kSoftplusSteps && o > 0) return SoftplusInverse(scores[o] - scores[o - 1] - kLeastStep);
    return scores[o];
  };
  for (size_t o = scores.size(); o-- > 0;) {  // from the last, because a step looks at the one before
    const float score = scores[o];
    scores[o] = margin(o);
    if (!std::isfinite(scores[o])) {
      return absl::InvalidArgumentError(Cat("base_score ", NumberText(score), " has no finite margin under this objective"));
    }
  }
  return absl::OkStatus();
}

void ApplyTransform(const Objective& objective, const float* margins, size_t rows, size_t outputs, float* predictions) {
  Transformed(objective, margins, rows, outputs, predictions);
}

void ApplyTransform(const Objective& objective, const double* margins, size_t rows, size_t outputs, double* predictions) {
  Transformed(objective, margins, rows, outputs, predictions);
}

}  // namespace vigil::trees
