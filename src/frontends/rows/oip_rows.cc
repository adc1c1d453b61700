#include "frontends/rows/oip_rows.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "frontends/rows/json_simd.h"

namespace vigil {

using namespace rows;  // NOLINT: the parsers' own vocabulary

namespace {

struct Tensor {
  std::string name;
  std::string datatype;
  std::vector<int64_t> shape;
};

constexpr std::string_view kBytes = "BYTES";

bool IsNumeric(std::string_view datatype) {
  for (const std::string_view known :
       {"FP32", "FP64", "FP16", "BF16", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL"}) {
    if (datatype == known) return true;
  }
  return false;
}

// Where the next element of a tensor goes.
struct Cursor {
  RowFiller& filler;
  int column = 0;  // of the first of a row's elements; the others follow
  size_t width = 1;
  size_t expected = 0;  // elements
  size_t next = 0;

  Status Put(ondemand::value value) {
    if (next >= expected) return Failure(ErrorCode::kInvalid, Concat("holds more than the ", expected, " elements of its shape"));
    // Rows come with their data, never from the shape alone: a short request must not claim memory for millions of them.
    if (next / width == filler.batch().rows) VIGIL_RETURN_IF_ERROR(filler.NextRow());
    filler.Select(next / width);
    const int target = column + static_cast<int>(next % width);
    ++next;
    return ReadCell(value, target, filler);
  }
};

// Flat or nested lists alike. The depth of recursion is bounded by kOipRankMax.
Status Flatten(ondemand::array list, size_t depth, Cursor& cursor) {
  for (auto item : list) {
    ondemand::value value;
    VIGIL_JSON_OR_RETURN(value, item);
    ondemand::json_type type;
    VIGIL_JSON_OR_RETURN(type, value.type());
    if (type != ondemand::json_type::array) {
      VIGIL_RETURN_IF_ERROR(cursor.Put(value));
      continue;
    }
    if (depth >= kOipRankMax) return Failure(ErrorCode::kInvalid, "is nested too deeply");
    ondemand::array inner;
    VIGIL_JSON_OR_RETURN(inner, value.get_array());
    VIGIL_RETURN_IF_ERROR(Flatten(inner, depth + 1, cursor));
  }
  return absl::OkStatus();
}

Status ReadShape(ondemand::object& object, std::string_view path, Tensor* tensor) {
  ondemand::array shape;
  if (object.find_field_unordered("shape").get_array().get(shape) != simdjson::SUCCESS) {
    return Failure(ErrorCode::kInvalid, "needs a \"shape\": a list of whole numbers", path);
  }
  for (auto item : shape) {
    int64_t dimension = 0;
    if (item.get_int64().get(dimension) != simdjson::SUCCESS || dimension < 0 || dimension > static_cast<int64_t>(kRowsMax) * 1000) {
      return Failure(ErrorCode::kInvalid, "needs a \"shape\": a list of whole numbers", path);
    }
    if (tensor->shape.size() >= kOipRankMax) return Failure(ErrorCode::kInvalid, "has too many dimensions", path);
    tensor->shape.push_back(dimension);
  }
  return absl::OkStatus();
}

Status ReadHead(ondemand::object& object, std::string_view path, Tensor* tensor) {
  std::string_view text;
  if (object.find_field_unordered("name").get_string().get(text) != simdjson::SUCCESS) {
    return Failure(ErrorCode::kInvalid, "needs a \"name\"", path);
  }
  tensor->name = text;
  if (object.find_field_unordered("datatype").get_string().get(text) != simdjson::SUCCESS) {
    return Failure(ErrorCode::kInvalid, "needs a \"datatype\"", path);
  }
  tensor->datatype = text;
  if (!IsNumeric(text) && text != kBytes) {
    return Failure(ErrorCode::kInvalid,
                   Concat("\"", text.substr(0, 40), "\" of input \"", tensor->name, "\" is no datatype of the protocol"), path);
  }
  return ReadShape(object, path, tensor);
}

// `"amount" (FP64 [-1, 1]), "channel" (BYTES [-1, 1])`: the tensors a request may have, or the one matrix.
std::string Choices(const ColumnIndex& columns) {
  constexpr size_t kListedMax = 10;
  std::string text;
  const std::vector<InputColumns>& inputs = columns.shape().inputs;
  for (size_t i = 0; i < inputs.size() && i < kListedMax; ++i) {
    Append(&text, i == 0 ? "" : ", ", "\"", inputs[i].name, "\" (", DTypeName(columns.shape().columns[inputs[i].first].dtype), " [-1, ",
           inputs[i].width, "])");
  }
  if (inputs.size() > kListedMax) Append(&text, " and ", inputs.size() - kListedMax, " more");
  return text;
}

// Which columns the tensor fills, by its name and shape; the rows are made as the first tensor's data is read. A name that is both a tensor
// of the model's and a column of its own is told by the width.
Status Place(const Tensor& tensor, bool only, const ColumnIndex& columns, std::string_view path, bool first, Cursor* cursor) {
  RowFiller& filler = cursor->filler;
  const size_t rank = tensor.shape.size();
  size_t width = 1;
  for (size_t d = 1; d < rank; ++d) width = std::min<size_t>(width * static_cast<size_t>(tensor.shape[d]), kTableColumnsMax + 1);
  const int column = columns.Find(tensor.name);
  const InputColumns* input = columns.FindInput(tensor.name);
  if (rank > 0 && input != nullptr && input->width == width) {
    cursor->column = static_cast<int>(input->first);
  } else if (column >= 0 && width == 1 && (rank == 1 || rank == 2)) {
    cursor->column = column;
  } else if (only && rank > 0 && width > 0 && width == columns.size()) {
    cursor->column = 0;
  } else if (column < 0 && input == nullptr && !only) {
    return Failure(
        ErrorCode::kInvalid,
        Concat("unexpected input \"", tensor.name, "\"", DidYouMean(tensor.name, columns.names()), ": the model takes ", Choices(columns)),
        path);
  } else {
    return Failure(ErrorCode::kInvalid,
                   Concat("unexpected shape of input \"", tensor.name, "\": the model takes one tensor of shape [-1, ", columns.size(),
                          "], one tensor a column of shape [-1] or [-1, 1], or ", Choices(columns)),
                   path);
  }
  cursor->width = width;
  for (size_t k = 0; k < width; ++k) {
    const ModelColumn& target = columns.shape().columns[static_cast<size_t>(cursor->column) + k];
    if ((target.store == ColumnStore::kText) == (tensor.datatype == kBytes)) continue;
    return Failure(ErrorCode::kInvalid,
                   Concat("unexpected datatype of input \"", tensor.name, "\": column \"", target.name, "\" is ", DTypeName(target.dtype),
                          ", not ", tensor.datatype, width > 1 ? "; send one tensor a column" : ""),
                   path);
  }
  const auto rows = static_cast<size_t>(tensor.shape[0]);
  if (first) {
    if (rows > kRowsMax) return Failure(ErrorCode::kTooLarge, Concat("more than ", kRowsMax, " rows in one request"), path);
  } else if (rows != filler.batch().rows) {
    return Failure(ErrorCode::kInvalid, Concat("input \"", tensor.name, "\" has ", rows, " rows, the first has ", filler.batch().rows),
                   path);
  }
  for (size_t k = 0; k < width; ++k) filler.Seen(cursor->column + static_cast<int>(k));
  cursor->expected = rows * cursor->width;
  return absl::OkStatus();
}

Status ReadTensor(ondemand::object object, bool only, bool first, const ColumnIndex& columns, std::string_view path, RowFiller& filler) {
  Tensor tensor;
  VIGIL_RETURN_IF_ERROR(ReadHead(object, path, &tensor));
  Cursor cursor{filler};
  VIGIL_RETURN_IF_ERROR(Place(tensor, only, columns, path, first, &cursor));
  ondemand::array data;
  if (object.find_field_unordered("data").get_array().get(data) != simdjson::SUCCESS) {
    return Failure(ErrorCode::kInvalid, Concat("input \"", tensor.name, "\" needs \"data\": a list (binary tensors are not served)"), path);
  }
  if (const Status status = Flatten(data, 1, cursor); !status.ok()) {
    return Failure(CodeOf(status), Concat("input \"", tensor.name, "\" ", MessageOf(status)), path);
  }
  if (cursor.next == cursor.expected) return absl::OkStatus();
  return Failure(ErrorCode::kInvalid, Concat("input \"", tensor.name, "\" holds ", cursor.next, " elements, its shape ", cursor.expected),
                 path);
}

// Names of the outputs that are asked for.
Status ReadOutputs(ondemand::object& root, OipRequest* request) {
  ondemand::array outputs;
  ondemand::value value;
  if (root.find_field_unordered("outputs").get(value) != simdjson::SUCCESS) return absl::OkStatus();
  if (value.get_array().get(outputs) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be a list", "outputs");
  for (auto item : outputs) {
    std::string_view name;
    ondemand::object output;
    if (item.get_object().get(output) != simdjson::SUCCESS ||
        output.find_field_unordered("name").get_string().get(name) != simdjson::SUCCESS) {
      return Failure(ErrorCode::kInvalid, "each output needs a \"name\"", "outputs");
    }
    if (request->outputs.size() < kOipInputsMax) request->outputs.emplace_back(name);
  }
  return absl::OkStatus();
}

Status ReadParameters(ondemand::object& root, RowFiller& filler) {
  constexpr std::pair<std::string_view, RowText> kTexts[] = {
      {"ids", RowText::kIds}, {"entities", RowText::kEntities}, {"times", RowText::kTimes}};
  ondemand::object parameters;
  if (root.find_field_unordered("parameters").get_object().get(parameters) != simdjson::SUCCESS) return absl::OkStatus();
  for (const auto& [name, what] : kTexts) {
    ondemand::value value;
    if (parameters.find_field_unordered(name).get(value) != simdjson::SUCCESS) continue;
    const std::string path = Concat("parameters.", name);
    std::string_view list;
    if (value.get_string().get(list) == simdjson::SUCCESS) {
      VIGIL_RETURN_IF_ERROR(FillFromList(list, static_cast<RowHeader>(what), path, &filler.batch()));
    } else {
      VIGIL_RETURN_IF_ERROR(ReadRowTexts(value, what, path, filler));
    }
  }
  return absl::OkStatus();
}

Status ReadDocument(ondemand::document& document, const ColumnIndex& columns, OipRequest* request, RowFiller& filler) {
  // A first pass over the whole: is it an object, how many inputs are there, does anything follow?
  ondemand::object root;
  if (document.get_object().get(root) != simdjson::SUCCESS) return Failure(ErrorCode::kMalformed, "the body must be a JSON object");
  bool has_inputs = false;
  size_t inputs = 0;
  for (auto item : root) {
    ondemand::field field;
    VIGIL_JSON_OR_RETURN(field, item);
    if (field.escaped_key() != "inputs") continue;
    ondemand::array list;
    if (field.value().get_array().get(list) != simdjson::SUCCESS)
      return Failure(ErrorCode::kInvalid, "must be a list of tensors", "inputs");
    VIGIL_JSON_OR_RETURN(inputs, list.count_elements());
    has_inputs = true;
  }
  if (!document.at_end()) return Failure(ErrorCode::kMalformed, "not valid JSON: something follows the object");
  if (!has_inputs || inputs == 0) return Failure(ErrorCode::kInvalid, "the request has no \"inputs\"", "inputs");
  if (inputs > kOipInputsMax) return Failure(ErrorCode::kTooLarge, Concat("more than ", kOipInputsMax, " inputs"), "inputs");
  document.rewind();
  VIGIL_JSON_OR_RETURN(root, document.get_object());
  ondemand::value value;
  if (root.find_field_unordered("id").get(value) == simdjson::SUCCESS) {
    std::string_view id;
    VIGIL_RETURN_IF_ERROR(ReadText(value, "id", &id));
    request->id = id;
  }
  VIGIL_RETURN_IF_ERROR(ReadOutputs(root, request));
  ondemand::array list;
  VIGIL_JSON_OR_RETURN(list, root.find_field_unordered("inputs").get_array());
  size_t index = 0;
  for (auto item : list) {
    const std::string path = Concat("inputs[", index, "]");
    ondemand::object tensor;
    if (item.get_object().get(tensor) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be an object", path);
    VIGIL_RETURN_IF_ERROR(ReadTensor(tensor, inputs == 1, index == 0, columns, path, filler));
    ++index;
  }
  return ReadParameters(root, filler);
}

}  // namespace

Status FillFromList(std::string_view list, RowHeader what, std::string_view name, RowBatch* batch) {
  size_t count = 0;
  while (!list.empty()) {
    const std::string_view item = StripBlanks(TakeUntil(list, ','));
    ++count;
    if (count > batch->rows) break;
    if (what == RowHeader::kTimes) {
      const StatusOr<TimeUs> time = ParseTime(item);
      if (!time.ok()) return Failure(ErrorCode::kInvalid, MessageOf(time.status()), name);
      batch->times.push_back(*time);
    } else {
      (what == RowHeader::kIds ? batch->ids : batch->entities).push_back(item);
    }
  }
  if (count == batch->rows) return absl::OkStatus();
  return Failure(ErrorCode::kInvalid, Concat("has ", count, count > batch->rows ? " or more" : "", " items for ", batch->rows, " rows"),
                 name);
}

struct OipRows::State {
  SimdDocument document;
};

OipRows::OipRows() : state_(std::make_unique<State>()) {}
OipRows::~OipRows() = default;

Status OipRows::Parse(std::string_view body, const ColumnIndex& columns, OipRequest* request, RowBatch* batch,
                      std::vector<uint32_t>* absent) {
  RowFiller filler(columns, UnknownColumns::kIgnore, batch);
  request->id.clear();
  request->outputs.clear();
  ondemand::document document;
  VIGIL_RETURN_IF_ERROR(state_->document.Open(body, &document));
  VIGIL_RETURN_IF_ERROR(ReadDocument(document, columns, request, filler));
  return filler.Finish(absent);
}

}  // namespace vigil
