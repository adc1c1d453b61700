#include "domain/table_shape.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace vigil {
namespace {

bool IsFloating(DType dtype) { return dtype == DType::kFloat64 || StoreOf(dtype) == ColumnStore::kFloat; }

// Elements a row, or -1 where the signature does not say.
int64_t RowWidth(const TensorSpec& spec) {
  if (spec.shape.empty()) return -1;
  int64_t width = 1;
  for (size_t d = 1; d < spec.shape.size(); ++d) {
    if (spec.shape[d] < 0 || spec.shape[d] > kTableColumnsMax) return -1;
    width *= spec.shape[d];
    if (width > kTableColumnsMax) return -1;
  }
  return width;
}

std::string ShapeText(const TensorSpec& spec) {
  std::string text = "[";
  for (size_t d = 0; d < spec.shape.size(); ++d) text += (d == 0 ? "" : ", ") + std::to_string(spec.shape[d]);
  return text + "]";
}

void AddColumn(std::string name, DType dtype, size_t input, size_t offset, TableShape* shape) {
  ModelColumn column;
  column.name = name;
  column.dtype = dtype;
  column.store = StoreOf(dtype);
  column.input = static_cast<uint32_t>(input);
  column.offset = static_cast<uint32_t>(offset);
  column.at = column.store == ColumnStore::kExact  ? shape->exact++
              : column.store == ColumnStore::kText ? shape->texts++
                                                   : static_cast<uint32_t>(shape->columns.size()) - shape->exact - shape->texts;
  shape->names.push_back(std::move(name));
  shape->columns.push_back(std::move(column));
}

// How many outputs from `first` on are one map's, spread over an FP32 output a key: `name[a]`, `name[b]`, ...
uint32_t MapOutputs(const std::vector<TensorSpec>& outputs, size_t first) {
  const std::string& name = outputs[first].name;
  const size_t bracket = name.find('[');
  if (bracket == std::string::npos || name.back() != ']' || RowWidth(outputs[first]) != 1) return 1;
  size_t end = first + 1;
  while (end < outputs.size() && outputs[end].name.compare(0, bracket + 1, name, 0, bracket + 1) == 0 &&
         outputs[end].dtype == outputs[first].dtype && RowWidth(outputs[end]) == 1) {
    ++end;
  }
  return static_cast<uint32_t>(end - first);
}

// Which numbers are watched, in this order: the only output where it is of numbers; the first output of floats, of which a classifier (a
// label stands beside it) with two columns gives the second, the positive class; the first output of other numbers.
ScoreRule ScoreRuleOf(const Signature& signature) {
  ScoreRule rule;
  rule.task = signature.task;
  const std::vector<TensorSpec>& outputs = signature.outputs;
  const auto width_of = [&](size_t i) { return static_cast<uint32_t>(std::max<int64_t>(RowWidth(outputs[i]), 1)); };
  const auto floats = std::find_if(outputs.begin(), outputs.end(), [](const TensorSpec& o) { return IsFloating(o.dtype); });
  const auto numbers = std::find_if(outputs.begin(), outputs.end(), [](const TensorSpec& o) { return o.dtype != DType::kString; });
  if (numbers == outputs.end()) return rule;
  const auto chosen = static_cast<size_t>((floats != outputs.end() ? floats : numbers) - outputs.begin());
  rule.output = static_cast<int32_t>(chosen);
  if (outputs.size() == 1) {
    rule.width = static_cast<uint32_t>(std::max<int64_t>({signature.output_width, RowWidth(outputs[0]), 1}));
    return rule;
  }
  rule.width = width_of(chosen);
  if (const uint32_t spread = MapOutputs(outputs, chosen); spread > 1) {
    rule.width = spread;
    rule.across = true;
  }
  const bool label =
      std::any_of(outputs.begin(), outputs.end(), [](const TensorSpec& o) { return !IsFloating(o.dtype) && RowWidth(o) == 1; });
  if (!label || rule.width < 2) return rule;
  if (rule.width == 2) {
    if (rule.across) {
      ++rule.output;
    } else {
      rule.offset = 1;
    }
    rule.width = 1;
    rule.across = false;
    rule.task = Task::kBinary;
  } else {
    rule.task = Task::kMulticlass;
  }
  return rule;
}

void AddAnswers(const Signature& signature, TableShape* shape) {
  shape->single_output = signature.outputs.size() == 1 && signature.outputs[0].dtype == DType::kFloat32 &&
                         signature.outputs[0].keys.empty() && RowWidth(signature.outputs[0]) >= 0;
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    const TensorSpec& spec = signature.outputs[i];
    const int64_t width = RowWidth(spec);
    if (width < 0) continue;
    uint32_t offset = 0;
    for (std::string& name : ElementNames(spec.name, static_cast<size_t>(width), spec.keys)) {
      shape->answers.push_back({std::move(name), spec.dtype, static_cast<uint32_t>(i), offset++});
    }
  }
  shape->score = ScoreRuleOf(signature);
}

// No columns, but answers: a caller of tensors is served all the same.
TableShape Refused(const Signature& signature, std::string why) {
  TableShape shape;
  shape.matrix = false;
  shape.refusal = std::move(why);
  AddAnswers(signature, &shape);
  return shape;
}

}  // namespace

ColumnStore StoreOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBfloat16: return ColumnStore::kFloat;
    case DType::kString: return ColumnStore::kText;
    default: return ColumnStore::kExact;
  }
}

std::vector<std::string> ElementNames(std::string_view name, size_t width, const std::vector<std::string>& keys) {
  std::vector<std::string> names;
  if (!keys.empty()) {
    for (const std::string& key : keys) names.push_back(std::string(name) + "[" + key + "]");
  } else if (width == 1) {
    names.emplace_back(name);
  } else {
    for (size_t i = 0; i < width; ++i) names.push_back(std::string(name) + "_" + std::to_string(i));
  }
  return names;
}

TableShape TableShapeOf(const Signature& signature) {
  const std::vector<TensorSpec>& inputs = signature.inputs;
  if (inputs.empty()) return Refused(signature, "it has no inputs");
  std::vector<int64_t> widths;
  int64_t total = 0;
  for (const TensorSpec& spec : inputs) {
    int64_t width = RowWidth(spec);
    // [-1, -1] of a model that names its columns.
    if (width < 0 && inputs.size() == 1 && spec.shape.size() == 2) width = static_cast<int64_t>(signature.columns.size());
    if (width <= 0) {
      return Refused(signature, "input \"" + spec.name + "\" has the shape " + ShapeText(spec) +
                                    ", which is no table's: rows first, then known sizes");
    }
    widths.push_back(width);
    total += width;
    if (total > kTableColumnsMax) return Refused(signature, "it takes more than " + std::to_string(kTableColumnsMax) + " numbers a row");
  }
  const bool own_names = signature.columns.size() == static_cast<size_t>(total);
  const bool made_up = !own_names && inputs.size() == 1;
  TableShape shape;
  shape.named = own_names ? signature.columns_are_named : !made_up;
  for (size_t i = 0; i < inputs.size(); ++i) {
    shape.inputs.push_back({inputs[i].name, static_cast<uint32_t>(shape.columns.size()), static_cast<uint32_t>(widths[i])});
    const bool plain_matrix = made_up && widths[i] > 1;
    const std::vector<std::string> names =
        own_names ? std::vector<std::string>() : ElementNames(inputs[i].name, static_cast<size_t>(widths[i]), {});
    for (size_t k = 0; k < static_cast<size_t>(widths[i]); ++k) {
      std::string name = own_names ? signature.columns[shape.columns.size()] : plain_matrix ? "f" + std::to_string(k) : names[k];
      AddColumn(std::move(name), inputs[i].dtype, i, k, &shape);
    }
  }
  shape.matrix = inputs.size() == 1 && inputs[0].dtype == DType::kFloat32 && inputs[0].shape.size() == 2;
  AddAnswers(signature, &shape);
  return shape;
}

bool SameStores(const TableShape& a, const TableShape& b) {
  return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const ModelColumn& x, const ModelColumn& y) { return x.store == y.store; });
}

TableShape FloatTable(std::vector<std::string> names) {
  Signature signature;
  signature.inputs.push_back({"input", DType::kFloat32, {-1, static_cast<int64_t>(names.size())}, {}});
  signature.outputs.push_back({"prediction", DType::kFloat32, {-1}, {}});
  signature.columns = std::move(names);
  signature.columns_are_named = true;
  return TableShapeOf(signature);
}

bool FitsType(DType dtype, double value) {
  const auto within = [value](double low, double high) { return value >= low && value <= high && value == std::trunc(value); };
  switch (dtype) {
    case DType::kBool: return value == 0 || value == 1;
    case DType::kUint8: return within(0, 255);
    case DType::kUint16: return within(0, 65535);
    case DType::kUint32: return within(0, 4294967295.0);
    case DType::kInt8: return within(-128, 127);
    case DType::kInt16: return within(-32768, 32767);
    case DType::kInt32: return within(-2147483648.0, 2147483647.0);
    // From 2^53 on a double no longer tells neighbours apart, so the model would be asked about another number than the caller's.
    case DType::kUint64: return within(0, 9007199254740991.0);
    case DType::kInt64: return within(-9007199254740991.0, 9007199254740991.0);
    case DType::kString: return false;
    default: return true;
  }
}

}  // namespace vigil
