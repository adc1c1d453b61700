#include "runtime/mlflow/classifier.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "runtime/cat.h"

namespace vigil::mlflow {
namespace {

// What classes are called: whole numbers, from 0 unless the model says otherwise, or texts.
struct Labels {
  std::vector<int64_t> numbers;
  std::vector<std::string> texts;  // instead, when not empty
};

class WrappedModel final : public LoadedModel {
 public:
  WrappedModel(std::unique_ptr<LoadedModel> inner, Signature signature, ModelInfo info, const WrapperRules& rules, Labels labels)
      : inner_(std::move(inner)), signature_(std::move(signature)), info_(std::move(info)), rules_(rules), labels_(std::move(labels)) {}

  const Signature& signature() const override { return signature_; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override;

  const WrapperRules& rules() const { return rules_; }
  const Labels& labels() const { return labels_; }

 private:
  const std::unique_ptr<LoadedModel> inner_;
  const Signature signature_;
  const ModelInfo info_;
  const WrapperRules rules_;
  const Labels labels_;
};

// The numbers of a prediction, whichever of the two types it came in.
class Numbers {
 public:
  explicit Numbers(const OwnedTensor& tensor) : tensor_(tensor) {}
  size_t size() const { return tensor_.dtype == DType::kFloat64 ? tensor_.bytes.size() / sizeof(double) : tensor_.floats.size(); }
  double at(size_t i) const {
    if (tensor_.dtype != DType::kFloat64) return tensor_.floats[i];
    double value = 0;
    std::memcpy(&value, tensor_.bytes.data() + i * sizeof(value), sizeof(value));
    return value;
  }

 private:
  const OwnedTensor& tensor_;
};

class WrappedScorer final : public Scorer {
 public:
  WrappedScorer(const WrappedModel& model, std::unique_ptr<Scorer> inner) : model_(model), inner_(std::move(inner)) {}

  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    const int64_t limit = call.tree_limit;
    if (limit == 0 && model_.rules().best_iteration) call.tree_limit = model_.info().best_rounds;
    StatusOr<ScoreState> state = inner_->Score(batch, call, model_.rules().classifier ? &scored_ : outputs);
    call.tree_limit = limit;
    if (!state.ok() || !model_.rules().classifier) return state;
    if (*state != ScoreState::kDone) return absl::InternalError("a booster behind a scikit-learn wrapper answers at once");
    const size_t extra = scored_.tensors.size() - 1;  // margin and the like keep their places behind the answer
    outputs->tensors.resize(2 + extra);
    FillAnswer(batch.rows(), outputs);
    for (size_t i = 0; i < extra; ++i) std::swap(outputs->tensors[2 + i], scored_.tensors[1 + i]);
    return state;
  }

 private:
  void FillAnswer(size_t rows, Outputs* outputs) {
    const Numbers given(scored_.tensors[0]);
    const auto width = static_cast<size_t>(model_.signature().output_width);
    const bool binary = rows > 0 && given.size() == rows;
    const absl::Span<float> probabilities =
        outputs->tensors[1].ResetFloats("probability", {static_cast<int64_t>(rows), static_cast<int64_t>(width)});
    classes_.resize(rows);
    for (size_t r = 0; r < rows; ++r) {
      float* row = probabilities.data() + r * width;
      if (binary) {
        const double p = given.at(r);
        row[1] = static_cast<float>(p);
        row[0] = given_is_float() ? 1.0F - row[1] : static_cast<float>(1.0 - p);
        classes_[r] = p > 0.5 ? 1 : 0;
        continue;
      }
      size_t best = 0;
      for (size_t k = 0; k < width; ++k) {
        row[k] = static_cast<float>(given.at(r * width + k));
        if (given.at(r * width + k) > given.at(r * width + best)) best = k;
      }
      classes_[r] = best;
    }
    FillLabels(&outputs->tensors[0]);
  }

  bool given_is_float() const { return scored_.tensors[0].dtype == DType::kFloat32; }

  void FillLabels(OwnedTensor* label) const {
    const Labels& labels = model_.labels();
    label->name = "label";
    label->shape = {static_cast<int64_t>(classes_.size())};
    if (!labels.texts.empty()) {
      label->dtype = DType::kString;
      label->strings.resize(classes_.size());
      for (size_t r = 0; r < classes_.size(); ++r) label->strings[r] = labels.texts[classes_[r]];
      return;
    }
    label->dtype = DType::kInt64;
    label->bytes.resize(classes_.size() * sizeof(int64_t));
    for (size_t r = 0; r < classes_.size(); ++r) {
      std::memcpy(label->bytes.data() + r * sizeof(int64_t), &labels.numbers[classes_[r]], sizeof(int64_t));
    }
  }

  const WrappedModel& model_;
  const std::unique_ptr<Scorer> inner_;
  Outputs scored_;
  std::vector<size_t> classes_;
};

std::unique_ptr<Scorer> WrappedModel::NewScorer() const {
  if (!rules_.classifier && !(rules_.best_iteration && info_.best_rounds > 0)) return inner_->NewScorer();
  return std::make_unique<WrappedScorer>(*this, inner_->NewScorer());
}

std::string Fact(const ModelInfo& info, std::string_view name) {
  for (const auto& [key, value] : info.facts) {
    if (key == name) return value;
  }
  return "";
}

// CatBoost writes its class names into the model; the others' wrappers count classes from 0.
StatusOr<Labels> LabelsOf(const ModelInfo& info, size_t classes) {
  Labels labels;
  const std::string said = Fact(info, "class_labels");
  if (said.empty()) {
    for (size_t k = 0; k < classes; ++k) labels.numbers.push_back(static_cast<int64_t>(k));
    return labels;
  }
  labels.texts = absl::StrSplit(said, ',');
  if (labels.texts.size() != classes) {
    return absl::InvalidArgumentError(Cat("class labels ", said.substr(0, 256), ": ", labels.texts.size(), " for ", classes, " classes"));
  }
  for (const std::string& text : labels.texts) {
    int64_t number = 0;
    if (absl::SimpleAtoi(text, &number)) labels.numbers.push_back(number);
  }
  if (labels.numbers.size() == classes) labels.texts.clear();
  return labels;
}

}  // namespace

WrapperRules RulesOf(const std::string& model_class) {
  const std::string name = model_class.substr(model_class.rfind('.') + 1);
  WrapperRules rules;
  rules.classifier = name.ends_with("Classifier");
  rules.best_iteration = model_class.starts_with("xgboost.sklearn.");
  return rules;
}

StatusOr<std::unique_ptr<LoadedModel>> WrapModel(std::unique_ptr<LoadedModel> inner, Signature signature, ModelInfo info,
                                                 const WrapperRules& rules) {
  Labels labels;
  if (rules.classifier) {
    const bool probabilities =
        signature.outputs.size() == 1 && signature.outputs[0].name == "prediction" &&
        (signature.task == Task::kBinary ? signature.output_width == 1 : signature.task == Task::kMulticlass && signature.output_width > 1);
    if (!probabilities) {
      return absl::UnimplementedError(Cat("a classifier's wrapper around objective ", Fact(info, "objective"),
                                          ", which gives no probabilities: serve the booster itself (model.get_booster().save_model)"));
    }
    const int64_t classes = std::max<int64_t>(2, signature.output_width);
    VIGIL_ASSIGN_OR_RETURN(labels, LabelsOf(info, static_cast<size_t>(classes)));
    signature.output_width = classes;
    signature.outputs = {{"label", labels.texts.empty() ? DType::kInt64 : DType::kString, {-1}},
                         {"probability", DType::kFloat32, {-1, classes}}};
  }
  return std::unique_ptr<LoadedModel>(
      std::make_unique<WrappedModel>(std::move(inner), std::move(signature), std::move(info), rules, std::move(labels)));
}

}  // namespace vigil::mlflow
