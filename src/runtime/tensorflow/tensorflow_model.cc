#include "runtime/tensorflow/tensorflow_model.h"

#include <cstring>
#include <utility>

#include "runtime/cat.h"
#include "runtime/fit.h"
#include "runtime/tensorflow/types.h"

namespace vigil::tensorflow {
namespace {

Status LaterNeedsALoop() {
  return absl::FailedPreconditionError("this model answers later, and the caller cannot wait: ScoreCall needs post and done");
}

class TensorflowScorer final : public Scorer {
 public:
  TensorflowScorer(std::shared_ptr<const Plan> plan, std::shared_ptr<Worker> worker) : plan_(std::move(plan)), worker_(std::move(worker)) {}

  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    VIGIL_RETURN_IF_ERROR(CheckFits(plan_->signature, batch));
    if (batch.rows() == 0) {
      FillEmpty(plan_->signature, outputs);
      return ScoreState::kDone;
    }
    if (call.post == nullptr || call.done == nullptr) return LaterNeedsALoop();
    if (call.deadline_ns <= Worker::NowNs()) return absl::DeadlineExceededError("the deadline passed before TensorFlow was asked");
    std::string frame = EncodeRun(*plan_, batch);
    if (frame.size() - kFrameHeadBytes > kFrameBodyBytesMax) {
      return absl::InvalidArgumentError(Cat(batch.rows(), " rows are ", frame.size(), " bytes, more than a call to TensorFlow may hold (",
                                            kFrameBodyBytesMax, "); send fewer at once"));
    }
    auto answer = [plan = plan_, rows = batch.rows(), post = call.post, done = call.done, outputs](StatusOr<std::string> body) {
      // Decoded on the caller's loop, where the outputs belong.
      post([plan, rows, done, outputs, body = std::move(body)] {
        done(body.ok() ? DecodeResult(*plan, rows, *body, outputs) : body.status());
      });
    };
    VIGIL_RETURN_IF_ERROR(worker_->Submit(std::move(frame), call.deadline_ns, std::move(answer)));
    return ScoreState::kLater;
  }

 private:
  const std::shared_ptr<const Plan> plan_;
  const std::shared_ptr<Worker> worker_;
};

void AppendData(const TensorView& tensor, FrameWriter* writer) {
  writer->BeginData();
  if (tensor.dtype == DType::kString) {
    const auto* const texts = static_cast<const std::string_view*>(tensor.data);
    for (int64_t i = 0; i < tensor.elements(); ++i) writer->Text(texts[i]);
  } else {
    writer->Bytes(tensor.data, static_cast<size_t>(tensor.elements()) * DTypeBytes(tensor.dtype));
  }
  writer->EndData();
}

void AppendExamples(const Plan& plan, const Batch& batch, FrameWriter* writer) {
  const auto rows = static_cast<int64_t>(batch.rows());
  writer->TensorHead(plan.inputs[0].tensor, static_cast<uint32_t>(TfType::kString), &rows, 1);
  writer->BeginData();
  ExampleWriter example;
  for (int64_t r = 0; r < rows; ++r) {
    for (size_t i = 0; i < plan.features.size(); ++i) {
      example.Add(plan.features[i].spec.name, *TensorOf(plan.signature, i, batch), r, plan.features[i].has_default);
    }
    writer->Text(example.Finish());
  }
  writer->EndData();
}

Status WrongOutput(const SignatureTensor& spec, std::string_view what) {
  return absl::InternalError(Cat("output '", spec.spec.name, "': TensorFlow gave ", what));
}

Status DecodeOutput(const SignatureTensor& want, size_t rows, const FrameTensor& from, OwnedTensor* to) {
  if (from.type != static_cast<uint32_t>(ToTfType(want.spec.dtype))) return WrongOutput(want, Cat("data type ", from.type));
  if (from.shape.empty() || from.shape[0] != static_cast<int64_t>(rows)) {
    return WrongOutput(want,
                       Cat(from.shape.empty() ? std::string("a single number") : Cat(from.shape[0], " rows"), " for ", rows, " rows"));
  }
  bool fits = want.unknown_rank || from.shape.size() == want.spec.shape.size();
  for (size_t d = 1; fits && d < want.spec.shape.size(); ++d) fits = want.spec.shape[d] == -1 || want.spec.shape[d] == from.shape[d];
  if (!fits) return WrongOutput(want, "another shape than its signature says");
  to->name = want.spec.name;
  to->dtype = want.spec.dtype;
  to->shape.assign(from.shape.begin(), from.shape.end());
  to->floats.clear();
  to->bytes.clear();
  to->strings.clear();
  if (want.spec.dtype == DType::kString) {
    to->strings.resize(from.elements);
    ForEachString(from, [&](uint64_t i, std::string_view text) { to->strings[i].assign(text); });
    return absl::OkStatus();
  }
  void* data = nullptr;
  if (want.spec.dtype == DType::kFloat32) {
    to->floats.resize(from.elements);
    data = to->floats.data();
  } else {
    to->bytes.resize(from.data.size());
    data = to->bytes.data();
  }
  if (!from.data.empty()) std::memcpy(data, from.data.data(), from.data.size());
  return absl::OkStatus();
}

}  // namespace

Plan MakePlan(const SignatureDef& signature, std::string_view graph) {
  Plan plan;
  plan.inputs = signature.inputs;
  plan.outputs = signature.outputs;
  Signature& seen = plan.signature;
  for (const SignatureTensor& output : signature.outputs) seen.outputs.push_back(output.spec);
  const SignatureTensor& first = signature.inputs[0];
  // The names are those that TensorFlow Serving's own methods and estimators use; tf.saved_model.save calls every method predict.
  const bool examples = signature.method == kClassifyMethod || signature.method == kRegressMethod || first.spec.name == "examples" ||
                        first.spec.name == "inputs";
  if (examples && signature.inputs.size() == 1 && first.spec.dtype == DType::kString && first.spec.shape.size() == 1) {
    plan.features = FindExampleFeatures(graph);
  }
  if (plan.features.empty()) {
    for (const SignatureTensor& input : signature.inputs) seen.inputs.push_back(input.spec);
  } else {
    for (const ExampleFeature& feature : plan.features) seen.inputs.push_back(feature.spec);
  }
  const TensorSpec& only = seen.inputs[0];
  if (seen.inputs.size() == 1 && only.dtype == DType::kFloat32 && only.shape.size() == 2 && only.shape[1] > 0 && only.shape[1] <= 1 << 20) {
    for (int64_t c = 0; c < only.shape[1]; ++c) seen.columns.push_back(Cat("f", c));
  }
  seen.task = signature.method == kRegressMethod ? Task::kRegression : Task::kOther;
  seen.output_width = 1;
  for (size_t d = 1; d < seen.outputs[0].shape.size(); ++d) {
    const int64_t size = seen.outputs[0].shape[d];
    if (size > 0 && size <= 1 << 20 && seen.output_width <= 1 << 20) seen.output_width *= size;
  }
  return plan;
}

TensorflowModel::TensorflowModel(Plan plan, ModelInfo info, std::shared_ptr<Worker> worker)
    : plan_(std::make_shared<const Plan>(std::move(plan))), info_(std::move(info)), worker_(std::move(worker)) {}

std::unique_ptr<Scorer> TensorflowModel::NewScorer() const { return std::make_unique<TensorflowScorer>(plan_, worker_); }

std::string EncodeRun(const Plan& plan, const Batch& batch) {
  FrameWriter writer(FrameKind::kRun, 0);
  writer.I64(-1);  // the worker's owner fills in what is left
  writer.U32(static_cast<uint32_t>(plan.inputs.size()));
  if (!plan.features.empty()) {
    AppendExamples(plan, batch, &writer);
  } else {
    for (size_t i = 0; i < plan.inputs.size(); ++i) {
      const TensorView& tensor = *TensorOf(plan.signature, i, batch);
      writer.TensorHead(plan.inputs[i].tensor, static_cast<uint32_t>(ToTfType(tensor.dtype)), tensor.shape.data(), tensor.shape.size());
      AppendData(tensor, &writer);
    }
  }
  writer.U32(static_cast<uint32_t>(plan.outputs.size()));
  for (const SignatureTensor& output : plan.outputs) writer.Text(output.tensor);
  return writer.Finish();
}

Status DecodeResult(const Plan& plan, size_t rows, std::string_view body, Outputs* outputs) {
  FrameReader reader(body);
  if (reader.U32() != plan.outputs.size()) return absl::InternalError("TensorFlow's worker gave another number of outputs");
  outputs->tensors.resize(plan.outputs.size());
  for (size_t i = 0; i < plan.outputs.size(); ++i) {
    const FrameTensor tensor = reader.Tensor();
    if (!reader.ok()) return absl::InternalError("TensorFlow's worker gave an answer that is not in the protocol's form");
    VIGIL_RETURN_IF_ERROR(DecodeOutput(plan.outputs[i], rows, tensor, &outputs->tensors[i]));
  }
  return reader.AtEnd() ? absl::OkStatus() : absl::InternalError("TensorFlow's worker gave more than was asked for");
}

}  // namespace vigil::tensorflow
