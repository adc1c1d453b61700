#include "runtime/trees/lightgbm/lightgbm_objective.h"

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/text.h"
#include "runtime/cat.h"

namespace vigil::trees {
namespace {

// Source: LightGBM 4.7 src/objective/*.hpp, ConvertOutput of each, checked against the library.
struct LightgbmObjective {
  Objective objective;
  bool takes_sqrt = false;     // trained on roots: the prediction is squared back
  bool takes_sigmoid = false;  // sigmoid:N is the slope
  bool takes_classes = false;  // num_class:N
};

constexpr LightgbmObjective kObjectives[] = {
    {{"regression", Transform::kIdentity, Link::kIdentity, Task::kRegression}, true},
    {{"regression_l1", Transform::kIdentity, Link::kIdentity, Task::kRegression}, true},
    {{"huber", Transform::kIdentity, Link::kIdentity, Task::kRegression}, true},
    {{"fair", Transform::kIdentity, Link::kIdentity, Task::kRegression}, true},
    {{"quantile", Transform::kIdentity, Link::kIdentity, Task::kRegression}, true},
    {{"mape", Transform::kIdentity, Link::kIdentity, Task::kRegression}, true},
    {{"poisson", Transform::kExp, Link::kIdentity, Task::kRegression}},
    {{"gamma", Transform::kExp, Link::kIdentity, Task::kRegression}},
    {{"tweedie", Transform::kExp, Link::kIdentity, Task::kRegression}},
    {{"binary", Transform::kSigmoid, Link::kIdentity, Task::kBinary}, false, true},
    {{"cross_entropy", Transform::kSigmoid, Link::kIdentity, Task::kRegression}},
    {{"xentropy", Transform::kSigmoid, Link::kIdentity, Task::kRegression}},
    {{"cross_entropy_lambda", Transform::kLog1pExp, Link::kIdentity, Task::kRegression}},
    {{"xentlambda", Transform::kLog1pExp, Link::kIdentity, Task::kRegression}},
    {{"multiclass", Transform::kSoftmax, Link::kIdentity, Task::kMulticlass}, false, false, true},
    {{"multiclassova", Transform::kSigmoid, Link::kIdentity, Task::kMulticlass}, false, true, true},
    {{"lambdarank", Transform::kIdentity, Link::kIdentity, Task::kRanking}},
    {{"rank_xendcg", Transform::kIdentity, Link::kIdentity, Task::kRanking}},
};

Status Broken(std::string_view what) { return absl::InvalidArgumentError(Cat("header: objective: ", what)); }

// One word after the name. Words that only training needs (quantile's alpha, say) pass.
Status ReadParameter(std::string_view word, const LightgbmObjective& found, int32_t outputs, Objective* objective) {
  if (word == "sqrt" && found.takes_sqrt) objective->transform = Transform::kSignedSquare;
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos) return absl::OkStatus();
  const std::string_view name = word.substr(0, colon), text = word.substr(colon + 1);
  double value = 0;
  if (!absl::SimpleAtod(AbslView(text), &value)) return Broken(Cat(name, " must be a number, not '", text.substr(0, 64), "'"));
  if (name == "sigmoid" && found.takes_sigmoid) {
    if (!(value > 0 && value < 1e300)) return Broken(Cat("sigmoid must be above 0, not ", text.substr(0, 64)));
    objective->slope = value;
  }
  if (name == "num_class" && found.takes_classes && value != outputs) {
    return Broken(Cat("num_class is ", text.substr(0, 64), " where a round has ", outputs, " trees"));
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<Objective> ReadLightgbmObjective(std::string_view line, int32_t outputs) {
  std::vector<absl::string_view> words = absl::StrSplit(AbslView(line), ' ', absl::SkipEmpty());
  if (words.empty() || StdView(words[0]) == "custom") return Objective{"custom", Transform::kIdentity, Link::kIdentity, Task::kOther};
  std::vector<std::string> known;
  for (const LightgbmObjective& candidate : kObjectives) {
    known.emplace_back(candidate.objective.name);
    if (candidate.objective.name != StdView(words[0])) continue;
    Objective objective = candidate.objective;
    for (size_t i = 1; i < words.size(); ++i) VIGIL_RETURN_IF_ERROR(ReadParameter(StdView(words[i]), candidate, outputs, &objective));
    if (!candidate.takes_classes && outputs != 1) {
      return Broken(Cat("'", objective.name, "' has one output where a round has ", outputs, " trees"));
    }
    return objective;
  }
  const std::string name(StdView(words[0]).substr(0, 64));
  return Broken(Cat("unknown objective '", name, "'", DidYouMean(name, known), "; known: ", absl::StrJoin(known, ", ")));
}

}  // namespace vigil::trees
