#include "runtime/onnx/lifted_model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/cat.h"
#include "runtime/onnx/ort_tensors.h"

namespace vigil::onnx {
namespace {

DType TypeOf(Slot::Kind kind) {
  switch (kind) {
    case Slot::Kind::kFloats: return DType::kFloat32;
    case Slot::Kind::kDoubles: return DType::kFloat64;
    case Slot::Kind::kIntegers: return DType::kInt64;
    case Slot::Kind::kTexts: return DType::kString;
  }
  return DType::kFloat32;
}

// One thread's memory for every slot.
class LiftedScorer final : public Scorer {
 public:
  LiftedScorer(const LiftProgram& program, const Signature& signature)
      : program_(program),
        signature_(signature),
        data_(program.slots().size()),
        memory_(program.slots().size()),
        scratch_(program.trees().size()) {}

  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    const size_t n = batch.rows(), inputs = signature_.inputs.size();
    if (batch.tensors().size() != inputs) {
      return absl::InvalidArgumentError(Cat(batch.tensors().size(), " tensors for the model's ", inputs, " inputs"));
    }
    VIGIL_RETURN_IF_ERROR(RefuseTreeAnswers(call));
    for (size_t i = 0; i < inputs; ++i) VIGIL_RETURN_IF_ERROR(Bind(batch, i));
    for (const Step& step : program_.steps()) {
      const Slot& out = program_.slots()[static_cast<size_t>(step.out)];
      void* target = Room(step.out, n * static_cast<size_t>(out.width));
      if (step.op == Step::Op::kTrees) {
        RunTrees(step, n, target);
        continue;
      }
      sources_.clear();
      for (const int in : step.in) sources_.push_back(data_[static_cast<size_t>(in)]);
      RunStep(step, program_.slots(), sources_, n, target);
    }
    outputs->tensors.resize(program_.outputs().size());
    for (size_t o = 0; o < outputs->tensors.size(); ++o) Write(program_.outputs()[o], n, &outputs->tensors[o]);
    return ScoreState::kDone;
  }

 private:
  Status Bind(const Batch& batch, size_t i) {
    const TensorSpec& spec = signature_.inputs[i];
    const TensorView* tensor = signature_.inputs.size() == 1 ? &batch.tensors()[0] : batch.Find(spec.name);
    if (tensor == nullptr) return absl::InvalidArgumentError(Cat("input '", spec.name, "' is missing"));
    const auto n = static_cast<int64_t>(batch.rows());
    const bool matrix = tensor->shape.size() == 2 && tensor->shape[0] == n && tensor->shape[1] == spec.shape[1];
    const bool column = tensor->shape.size() == 1 && tensor->shape[0] == n && spec.shape[1] == 1;
    if (!matrix && !column) {
      return absl::InvalidArgumentError(Cat("input '", spec.name, "' has not the shape [", n, ",", spec.shape[1], "]"));
    }
    data_[i] = tensor->data;
    if (tensor->dtype == spec.dtype) return absl::OkStatus();
    if (!ConvertNumbers(*tensor, spec.dtype, &memory_[i])) {
      return absl::InvalidArgumentError(
          Cat("input '", spec.name, "' is ", DTypeName(tensor->dtype), "; the model takes ", DTypeName(spec.dtype)));
    }
    data_[i] = memory_[i].data();
    return absl::OkStatus();
  }

  // Room for a slot's values: eight bytes each is enough for every kind. Kept from call to call.
  void* Room(int slot, size_t values) {
    std::vector<std::byte>& memory = memory_[static_cast<size_t>(slot)];
    if (memory.size() < values * sizeof(double)) memory.resize(values * sizeof(double));
    data_[static_cast<size_t>(slot)] = memory.data();
    return memory.data();
  }

  void RunTrees(const Step& step, size_t n, void* scores) {
    int64_t* labels = step.out_label < 0 ? nullptr : static_cast<int64_t*>(Room(step.out_label, n));
    const auto t = static_cast<size_t>(step.trees);
    program_.trees()[t]->Score(data_[static_cast<size_t>(step.in[0])], n, &scratch_[t], scores, labels);
    if (labels == nullptr || step.labels.empty()) return;
    for (size_t r = 0; r < n; ++r) labels[r] = step.labels[static_cast<size_t>(labels[r])];
  }

  void Write(const ProgramOutput& output, size_t n, OwnedTensor* to) const {
    const Slot& slot = program_.slots()[static_cast<size_t>(output.slot)];
    const void* data = data_[static_cast<size_t>(output.slot)];
    const auto rows = static_cast<int64_t>(n);
    const auto width = static_cast<size_t>(slot.width);
    to->name = output.name;
    to->dtype = TypeOf(slot.kind);
    to->shape.assign(1, rows);
    if (output.column < 0 && !slot.vector) to->shape.push_back(slot.width);
    to->floats.clear();
    to->bytes.clear();
    switch (slot.kind) {
      case Slot::Kind::kFloats: {
        const auto* floats = static_cast<const float*>(data);
        to->strings.clear();
        if (output.column < 0) {
          to->floats.assign(floats, floats + n * width);
        } else {
          for (size_t r = 0; r < n; ++r) to->floats.push_back(floats[r * width + static_cast<size_t>(output.column)]);
        }
        return;
      }
      case Slot::Kind::kDoubles:
      case Slot::Kind::kIntegers: {
        const auto* bytes = static_cast<const std::byte*>(data);
        to->strings.clear();
        to->bytes.assign(bytes, bytes + n * width * sizeof(double));
        return;
      }
      case Slot::Kind::kTexts: {
        const std::vector<std::string>& texts = program_.texts()[static_cast<size_t>(slot.texts)];
        to->strings.resize(n);
        for (size_t r = 0; r < n; ++r) to->strings[r] = texts[static_cast<size_t>(static_cast<const int64_t*>(data)[r])];
        return;
      }
    }
  }

  const LiftProgram& program_;
  const Signature& signature_;
  std::vector<const void*> data_, sources_;
  std::vector<std::vector<std::byte>> memory_;
  std::vector<LiftedTrees::Scratch> scratch_;
};

}  // namespace

LiftedModel::LiftedModel(std::unique_ptr<LiftProgram> program, const OnnxFacts& facts, ModelInfo info)
    : program_(std::move(program)), info_(std::move(info)) {
  const std::vector<Slot>& slots = program_->slots();
  for (size_t i = 0; i < program_->input_names().size(); ++i) {
    signature_.inputs.push_back({program_->input_names()[i], TypeOf(slots[i].kind), {-1, slots[i].width}});
  }
  for (const ProgramOutput& output : program_->outputs()) {
    const Slot& slot = slots[static_cast<size_t>(output.slot)];
    TensorSpec& spec = signature_.outputs.emplace_back(TensorSpec{output.name, TypeOf(slot.kind), {-1}});
    if (output.column < 0 && !slot.vector) spec.shape.push_back(slot.width);
  }
  if (signature_.inputs.size() == 1 && signature_.inputs[0].dtype == DType::kFloat32) {
    for (int64_t c = 0; c < signature_.inputs[0].shape[1]; ++c) signature_.columns.push_back(Cat("f", c));
  }
  signature_.output_width = signature_.outputs[0].shape.size() > 1 ? signature_.outputs[0].shape[1] : 1;
  signature_.task = facts.task;
  const LiftedTrees& first = *program_->trees()[0];
  info_.engine = std::string(first.engine().name());
  int64_t trees = 0, depth = 0;
  info_.memory_bytes = 0;
  for (const auto& one : program_->trees()) {
    trees += one->forest().trees();
    depth = std::max<int64_t>(depth, one->forest().depth);
    info_.memory_bytes += one->forest().memory_bytes() + one->engine().memory_bytes();
  }
  info_.facts.emplace_back("trees", Cat(trees));
  info_.facts.emplace_back("depth", Cat(depth));
}

std::unique_ptr<Scorer> LiftedModel::NewScorer() const { return std::make_unique<LiftedScorer>(*program_, signature_); }

}  // namespace vigil::onnx
