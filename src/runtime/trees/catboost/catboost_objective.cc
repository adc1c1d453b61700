// The prediction of each loss is what CatBoost's own classes give by default, probabilities for classifiers. Source: CatBoost 1.2
// python-package/catboost/core.py (_get_default_prediction_type) and libs/eval_result, checked against the library.
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/trees/catboost/catboost.h"

namespace vigil::trees {
namespace {

constexpr Objective kLosses[] = {
    {"Logloss", Transform::kSigmoid, Link::kIdentity, Task::kBinary},
    {"CrossEntropy", Transform::kSigmoid, Link::kIdentity, Task::kBinary},
    {"Focal", Transform::kSigmoid, Link::kIdentity, Task::kBinary},
    {"MultiClass", Transform::kSoftmax, Link::kIdentity, Task::kMulticlass},
    {"MultiClassOneVsAll", Transform::kSigmoid, Link::kIdentity, Task::kMulticlass},
    {"MultiLogloss", Transform::kSigmoid, Link::kIdentity, Task::kOther},
    {"MultiCrossEntropy", Transform::kSigmoid, Link::kIdentity, Task::kOther},
    {"Poisson", Transform::kExp, Link::kIdentity, Task::kRegression},
    {"Tweedie", Transform::kExp, Link::kIdentity, Task::kRegression},
    {"RMSE", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"RMSEWithUncertainty", Transform::kMeanVariance, Link::kIdentity, Task::kRegression},
    {"MAE", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"MAPE", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"Quantile", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"GroupQuantile", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"MultiQuantile", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"LogLinQuantile", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"Expectile", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"Huber", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"LogCosh", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"Lq", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"MultiRMSE", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"MultiRMSEWithMissingValues", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"SurvivalAft", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"Cox", Transform::kIdentity, Link::kIdentity, Task::kRegression},
    {"PairLogit", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"PairLogitPairwise", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"YetiRank", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"YetiRankPairwise", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"QueryRMSE", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"QuerySoftMax", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"QueryCrossEntropy", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"StochasticFilter", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"StochasticRank", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    {"LambdaMart", Transform::kIdentity, Link::kIdentity, Task::kRanking},
    // Written by a caller's own code: CatBoost knows no transform either.
    {"UserPerObjMetric", Transform::kIdentity, Link::kIdentity, Task::kOther},
    {"UserQuerywiseMetric", Transform::kIdentity, Link::kIdentity, Task::kOther},
    {"PythonUserDefinedPerObject", Transform::kIdentity, Link::kIdentity, Task::kOther},
    {"PythonUserDefinedMultiTarget", Transform::kIdentity, Link::kIdentity, Task::kOther},
};

}  // namespace

StatusOr<Objective> FindCatboostObjective(std::string_view loss) {
  if (loss.empty()) return Objective{"none (raw values)", Transform::kIdentity, Link::kIdentity, Task::kOther};
  std::vector<std::string> known;
  for (const Objective& objective : kLosses) {
    if (objective.name == loss) return objective;
    known.emplace_back(objective.name);
  }
  const std::string name(loss.substr(0, 64));
  return absl::InvalidArgumentError(
      Cat("params.loss_function.type: unknown loss '", name, "'", DidYouMean(name, known), "; known: ", absl::StrJoin(known, ", ")));
}

}  // namespace vigil::trees
