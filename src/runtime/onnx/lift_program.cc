#include "runtime/onnx/lift_program.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "runtime/cat.h"

namespace vigil::onnx {
namespace {

// Versions whose meaning this file was written from.
constexpr int64_t kOpsetMax = 25, kMlOpsetMax = 5;
constexpr size_t kStepsMax = 256;

Status NotLifted(const OnnxNode& node, const std::string& why) { return absl::UnimplementedError(Cat(node.place, ": ", why)); }

}  // namespace

// One graph's way to a program: nodes in the file's order, each value's slot by its name.
class ProgramBuilder {
 public:
  ProgramBuilder(const OnnxFile& file, const OnnxFacts& facts, const LoadOptions& options)
      : file_(file), facts_(facts), options_(options), index_(file.graph), program_(new LiftProgram()) {}

  StatusOr<std::unique_ptr<LiftProgram>> Build() {
    if (file_.Opset("") > kOpsetMax || file_.Opset("ai.onnx.ml") > kMlOpsetMax)
      return absl::UnimplementedError("an operator set newer than known here");
    VIGIL_RETURN_IF_ERROR(AddInputs());
    const std::vector<uint8_t> needed = Needed();
    // Before any tree is built, which is what costs: is every operator one that is lifted?
    for (size_t i = 0; i < file_.graph.nodes.size(); ++i) {
      if (needed[i] != 0 && FindLift(file_.graph.nodes[i]) == nullptr) {
        return NotLifted(file_.graph.nodes[i], "an operator that is not lifted");
      }
    }
    for (size_t i = 0; i < file_.graph.nodes.size(); ++i) {
      if (needed[i] == 0) continue;
      if (program_->steps_.size() > kStepsMax) return absl::UnimplementedError(Cat("more than ", kStepsMax, " operators"));
      VIGIL_RETURN_IF_ERROR(AddNode(file_.graph.nodes[i]));
    }
    if (program_->trees_.empty()) return absl::UnimplementedError("no tree ensemble");
    VIGIL_RETURN_IF_ERROR(AddOutputs());
    return std::move(program_);
  }

 private:
  Status AddInputs() {
    for (const OnnxValueInfo& input : file_.graph.inputs) {
      if (index_.Initializer(input.name) != nullptr) continue;
      const std::string place = Cat("input '", Shown(input.name), "'");
      Slot slot;
      if (input.type == 11) slot.kind = Slot::Kind::kDoubles;
      if (input.type == 7) slot.kind = Slot::Kind::kIntegers;
      if (input.type != 1 && input.type != 11 && input.type != 7)
        return absl::UnimplementedError(Cat(place, " is neither FP32, FP64 nor INT64"));
      if (!input.has_shape || input.dims.size() != 2 || input.dims[1] <= 0 || input.dims[1] > trees::kFeaturesMax) {
        return absl::UnimplementedError(Cat(place, " is not a matrix of a known width"));
      }
      slot.width = input.dims[1];
      program_->input_names_.emplace_back(input.name);
      names_[input.name] = NewSlot(slot);
    }
    return absl::OkStatus();
  }

  // Which nodes the outputs rest on.
  std::vector<uint8_t> Needed() const {
    absl::flat_hash_set<std::string_view> wanted;
    for (const OnnxValueInfo& output : file_.graph.outputs) wanted.insert(output.name);
    std::vector<uint8_t> needed(file_.graph.nodes.size());
    for (size_t i = needed.size(); i-- > 0;) {
      const OnnxNode& node = file_.graph.nodes[i];
      for (const std::string_view output : node.outputs) needed[i] |= wanted.contains(output);
      if (needed[i] != 0) wanted.insert(node.inputs.begin(), node.inputs.end());
    }
    return needed;
  }

  int NewSlot(const Slot& slot) {
    program_->slots_.push_back(slot);
    return static_cast<int>(program_->slots_.size()) - 1;
  }

  StatusOr<int> Input(const OnnxNode& node, size_t i) const {
    if (i >= node.inputs.size()) return absl::InvalidArgumentError(Cat(node.place, ": it has ", node.inputs.size(), " inputs"));
    const auto found = names_.find(node.inputs[i]);
    if (found == names_.end()) return NotLifted(node, Cat("its input '", Shown(node.inputs[i]), "' is none of what was lifted before it"));
    return found->second;
  }

  const Slot& At(int slot) const { return program_->slots_[static_cast<size_t>(slot)]; }

  void Emit(Step step, std::string_view name, const Slot& slot) {
    step.out = NewSlot(slot);
    names_[name] = step.out;
    program_->steps_.push_back(std::move(step));
  }

  using Lift = Status (*)(ProgramBuilder&, const OnnxNode&);

  // How an operator is lifted; null: it is not.
  static Lift FindLift(const OnnxNode& node) {
    struct Entry {
      std::string_view domain, op;
      Lift lift;
    };
    static constexpr Entry kEntries[] = {
        {"ai.onnx.ml", "Scaler", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddScaler(n); }},
        {"ai.onnx.ml", "Normalizer", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddNormalizer(n); }},
        {"ai.onnx.ml", "Imputer", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddImputer(n); }},
        {"ai.onnx.ml", "ArrayFeatureExtractor", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddColumns(n); }},
        {"ai.onnx.ml", "FeatureVectorizer", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddConcat(n, true); }},
        {"ai.onnx.ml", "ZipMap", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddAlias(n); }},
        {"", "Identity", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddAlias(n); }},
        {"", "Cast", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddCast(n); }},
        {"", "Concat", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddConcat(n, false); }},
        {"", "Reshape", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddShape(n); }},
        {"", "Flatten", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddShape(n); }},
        {"", "Squeeze", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddShape(n); }},
        {"", "Add", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddArithmetic(n, '+'); }},
        {"", "Sub", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddArithmetic(n, '-'); }},
        {"", "Mul", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddArithmetic(n, '*'); }},
        {"", "Div", [](ProgramBuilder& b, const OnnxNode& n) { return b.AddArithmetic(n, '/'); }},
    };
    if (IsTreeEnsemble(node)) return [](ProgramBuilder& b, const OnnxNode& n) { return b.AddTrees(n); };
    for (const Entry& entry : kEntries) {
      if (entry.domain == node.domain && entry.op == node.op) return entry.lift;
    }
    return nullptr;
  }

  Status AddNode(const OnnxNode& node) {
    if (node.outputs.empty()) return NotLifted(node, "it has no output");
    return FindLift(node)(*this, node);
  }

  Status AddTrees(const OnnxNode& node) {
    VIGIL_ASSIGN_OR_RETURN(const int in, Input(node, 0));
    const Slot& rows = At(in);
    if (rows.kind != Slot::Kind::kFloats && rows.kind != Slot::Kind::kDoubles) return NotLifted(node, "its rows are integers");
    VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<LiftedTrees> trees,
                           LiftedTrees::Make(node, rows.width, rows.kind == Slot::Kind::kDoubles, options_));
    Step step;
    step.op = Step::Op::kTrees;
    step.in = {in};
    step.trees = static_cast<int>(program_->trees_.size());
    const size_t scores_at = trees->classifier() ? 1 : 0;
    if (trees->classifier() && !node.outputs[0].empty()) {
      Slot label;
      label.vector = true;
      label.kind = trees->text_labels().empty() ? Slot::Kind::kIntegers : Slot::Kind::kTexts;
      if (label.kind == Slot::Kind::kTexts) {
        label.texts = static_cast<int>(program_->texts_.size());
        program_->texts_.push_back(trees->text_labels());
      }
      step.labels = trees->labels();
      step.out_label = NewSlot(label);
      names_[node.outputs[0]] = step.out_label;
    }
    Slot scores;
    scores.kind = trees->double_scores() ? Slot::Kind::kDoubles : Slot::Kind::kFloats;
    scores.width = trees->score_width();
    program_->trees_.push_back(std::move(trees));
    Emit(std::move(step), node.outputs.size() > scores_at ? node.outputs[scores_at] : std::string_view(), scores);
    return absl::OkStatus();
  }

  Status AddScaler(const OnnxNode& node) {
    VIGIL_ASSIGN_OR_RETURN(const int in, Input(node, 0));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<float> offset, Floats(node, "offset"));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<float> scale, Floats(node, "scale"));
    const auto width = static_cast<size_t>(At(in).width);
    for (const size_t size : {offset.size(), scale.size()}) {
      if (size != width && size != 1) return NotLifted(node, Cat(size, " offsets or scales for ", width, " columns"));
    }
    Step step;
    step.op = Step::Op::kScale;
    step.in = {in};
    for (size_t c = 0; c < width; ++c) {
      step.a.push_back(offset[offset.size() == 1 ? 0 : c]);
      step.b.push_back(scale[scale.size() == 1 ? 0 : c]);
    }
    Emit(std::move(step), node.outputs[0], {Slot::Kind::kFloats, At(in).width, At(in).vector, -1});
    return absl::OkStatus();
  }

  Status AddNormalizer(const OnnxNode& node) {
    VIGIL_ASSIGN_OR_RETURN(const int in, Input(node, 0));
    VIGIL_ASSIGN_OR_RETURN(const std::string_view norm, Text(node, "norm", "MAX"));
    if (norm != "L1" && norm != "L2") return NotLifted(node, Cat("norm ", Shown(norm)));
    if (At(in).kind != Slot::Kind::kFloats || At(in).vector) return NotLifted(node, "its rows are not floats");
    Step step;
    step.op = Step::Op::kNormalize;
    step.in = {in};
    step.sign = norm[1];
    Emit(std::move(step), node.outputs[0], At(in));
    return absl::OkStatus();
  }

  Status AddImputer(const OnnxNode& node) {
    VIGIL_ASSIGN_OR_RETURN(const int in, Input(node, 0));
    VIGIL_ASSIGN_OR_RETURN(const std::vector<float> values, Floats(node, "imputed_value_floats"));
    const OnnxAttribute* replaced = node.Find("replaced_value_float");
    if (At(in).kind != Slot::Kind::kFloats) return NotLifted(node, "its rows are not floats");
    const auto width = static_cast<size_t>(At(in).width);
    if (values.size() != width && values.size() != 1) return NotLifted(node, Cat(values.size(), " values for ", width, " columns"));
    Step step;
    step.op = Step::Op::kImpute;
    step.in = {in};
    for (size_t c = 0; c < width; ++c) step.a.push_back(values[values.size() == 1 ? 0 : c]);
    VIGIL_ASSIGN_OR_RETURN(const float what, Float(node, "replaced_value_float", 0));
    if (replaced == nullptr) return NotLifted(node, "it does not say what to replace");
    step.b = {what};
    Emit(std::move(step), node.outputs[0], At(in));
    return absl::OkStatus();
  }

  Status AddColumns(const OnnxNode& node) {
    VIGIL_ASSIGN_OR_RETURN(const int in, Input(node, 0));
    const OnnxTensor* indices = node.inputs.size() < 2 ? nullptr : index_.Initializer(node.inputs[1]);
    if (indices == nullptr || indices->external || At(in).vector) return NotLifted(node, "its columns are not constant");
    VIGIL_ASSIGN_OR_RETURN(const std::vector<double> numbers, ReadNumbers(*indices));
    Step step;
    step.op = Step::Op::kColumns;
    step.in = {in};
    for (const double number : numbers) {
      if (!(number >= 0 && number < static_cast<double>(At(in).width)))
        return absl::InvalidArgumentError(Cat(node.place, ": column ", number, " of ", At(in).width));
      step.columns.push_back(static_cast<int64_t>(number));
    }
    if (step.columns.empty()) return NotLifted(node, "no columns");
    Slot out = At(in);
    out.width = static_cast<int64_t>(step.columns.size());
    Emit(std::move(step), node.outputs[0], out);
    return absl::OkStatus();
  }

  Status AddConcat(const OnnxNode& node, bool to_floats) {
    if (!to_floats) {
      VIGIL_ASSIGN_OR_RETURN(const int64_t axis, Integer(node, "axis", 0));
      if (axis != 1 && axis != -1) return NotLifted(node, Cat("axis ", axis));
    }
    Step step;
    step.op = Step::Op::kConcat;
    Slot out;
    out.width = 0;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      VIGIL_ASSIGN_OR_RETURN(const int in, Input(node, i));
      if (At(in).vector || At(in).kind == Slot::Kind::kTexts) return NotLifted(node, "its inputs are not matrices of numbers");
      if (i == 0 && !to_floats) out.kind = At(in).kind;
      if (!to_floats && At(in).kind != out.kind) return NotLifted(node, "its inputs are of several types");
      out.width += At(in).width;
      step.in.push_back(in);
    }
    if (out.width <= 0 || out.width > trees::kFeaturesMax) return NotLifted(node, Cat(out.width, " columns"));
    Emit(std::move(step), node.outputs[0], out);
    return absl::OkStatus();
  }

  Status AddCast(const OnnxNode& node) {
    VIGIL_ASSIGN_OR_RETURN(const int in, Input(node, 0));
    VIGIL_ASSIGN_OR_RETURN(const int64_t to, Integer(node, "to", 0));
    Slot out = At(in);
    if (out.kind == Slot::Kind::kTexts) {
      if (to == 8) return AddAlias(node);
      return NotLifted(node, "strings to numbers");
    }
    if (to == 7 && out.kind != Slot::Kind::kIntegers) return NotLifted(node, "fractions to integers");
    if (to != 1 && to != 7 && to != 11) return NotLifted(node, Cat("to ", OnnxTypeName(to)));
    out.kind = to == 1 ? Slot::Kind::kFloats : to == 11 ? Slot::Kind::kDoubles : Slot::Kind::kIntegers;
    if (out.kind == At(in).kind) return AddAlias(node);
    Step step;
    step.op = Step::Op::kCast;
    step.in = {in};
    Emit(std::move(step), node.outputs[0], out);
    return absl::OkStatus();
  }

  Status AddAlias(const OnnxNode& node) {
    VIGIL_ASSIGN_OR_RETURN(const int in, Input(node, 0));
    names_[node.outputs[0]] = in;
    return absl::OkStatus();
  }

  // A shape that keeps the rows: [n, width] stays, [n, 1] may become [n].
  Status AddShape(const OnnxNode& node) {
    VIGIL_ASSIGN_OR_RETURN(const int in, Input(node, 0));
    const Slot& slot = At(in);
    bool vector = slot.vector;
    if (node.op == "Flatten") {
      VIGIL_ASSIGN_OR_RETURN(const int64_t axis, Integer(node, "axis", 1));
      if (axis != 1) return NotLifted(node, Cat("axis ", axis));
      vector = false;
    } else {
      const OnnxTensor* shape = node.inputs.size() < 2 ? nullptr : index_.Initializer(node.inputs[1]);
      if (shape == nullptr || shape->external) return NotLifted(node, "its shape is not constant");
      VIGIL_ASSIGN_OR_RETURN(const std::vector<double> dims, ReadNumbers(*shape));
      if (node.op == "Squeeze") {
        if (dims != std::vector<double>{1} || slot.width != 1 || slot.vector)
          return NotLifted(node, "it drops another dimension than the second");
        vector = true;
      } else if (dims == std::vector<double>{-1} && slot.width == 1) {
        vector = true;
      } else if (dims.size() == 2 && (dims[0] == -1 || dims[0] == 0) &&
                 (dims[1] == static_cast<double>(slot.width) || (dims[0] == 0 && dims[1] == -1))) {
        vector = false;
      } else {
        return NotLifted(node, "a shape that mixes rows");
      }
    }
    if (vector == slot.vector) return AddAlias(node);
    Slot out = slot;
    out.vector = vector;
    Step step;
    step.op = Step::Op::kConcat;  // of one: a copy
    step.in = {in};
    Emit(std::move(step), node.outputs[0], out);
    return absl::OkStatus();
  }

  Status AddArithmetic(const OnnxNode& node, char sign) {
    if (node.inputs.size() != 2) return absl::InvalidArgumentError(Cat(node.place, ": it has ", node.inputs.size(), " inputs"));
    const OnnxTensor* constants[2] = {index_.Initializer(node.inputs[0]), index_.Initializer(node.inputs[1])};
    const bool first = constants[0] != nullptr;
    const OnnxTensor* constant = first ? constants[0] : constants[1];
    if (constant == nullptr || constant->external || (first && constants[1] != nullptr))
      return NotLifted(node, "neither side, or both, are constant");
    VIGIL_ASSIGN_OR_RETURN(const int in, Input(node, first ? 1 : 0));
    const Slot& slot = At(in);
    if (slot.kind != Slot::Kind::kFloats && slot.kind != Slot::Kind::kDoubles) return NotLifted(node, "of integers");
    VIGIL_ASSIGN_OR_RETURN(std::vector<double> numbers, ReadNumbers(*constant));
    const bool one = numbers.size() == 1 && constant->dims.size() <= (slot.vector ? 1 : 2);
    const bool row = !slot.vector && static_cast<int64_t>(numbers.size()) == slot.width &&
                     (constant->dims.size() == 1 || (constant->dims.size() == 2 && constant->dims[0] == 1));
    if (!one && !row) return NotLifted(node, "a constant that is neither one number nor one a column");
    if (one) numbers.assign(static_cast<size_t>(slot.width), numbers[0]);
    Step step;
    step.op = Step::Op::kArithmetic;
    step.in = {in};
    step.sign = sign;
    step.constant_first = first;
    step.a = std::move(numbers);
    Emit(std::move(step), node.outputs[0], slot);
    return absl::OkStatus();
  }

  Status AddOutputs() {
    for (const OnnxValueInfo& output : file_.graph.outputs) {
      const auto found = names_.find(output.name);
      if (found == names_.end()) return absl::InvalidArgumentError(Cat("output '", Shown(output.name), "' is written by no operator"));
      const auto keys = facts_.map_keys.find(std::string(output.name));
      if (keys == facts_.map_keys.end()) {
        program_->outputs_.push_back({std::string(output.name), found->second, -1});
        continue;
      }
      if (static_cast<int64_t>(keys->second.size()) != At(found->second).width || At(found->second).kind != Slot::Kind::kFloats) {
        return absl::UnimplementedError(
            Cat("output '", Shown(output.name), "' has ", keys->second.size(), " keys for ", At(found->second).width, " columns"));
      }
      for (size_t k = 0; k < keys->second.size(); ++k) {
        program_->outputs_.push_back({Cat(output.name, "[", keys->second[k], "]"), found->second, static_cast<int64_t>(k)});
      }
    }
    return absl::OkStatus();
  }

  const OnnxFile& file_;
  const OnnxFacts& facts_;
  const LoadOptions& options_;
  const GraphIndex index_;
  absl::flat_hash_map<std::string_view, int> names_;
  std::unique_ptr<LiftProgram> program_;
};

StatusOr<std::unique_ptr<LiftProgram>> LiftProgram::Make(const OnnxFile& file, const OnnxFacts& facts, const LoadOptions& options) {
  return ProgramBuilder(file, facts, options).Build();
}

}  // namespace vigil::onnx
