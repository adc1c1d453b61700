#include "frontends/tensors/tfs_request.h"

#include <utility>

#include "frontends/rows/json_simd.h"
#include "frontends/tensors/tfs_items.h"

namespace vigil {

using namespace rows;  // NOLINT: the parsers' own vocabulary

struct TfsReader::State {
  SimdDocument document;
  RowTensors rows, context;
};

namespace {

Status At(const Status& status, std::string_view path) { return Failure(CodeOf(status), MessageOf(status), path); }

// Reads one document.
class Reader {
 public:
  Reader(size_t body_bytes, const InputNames& names, RequestMemory* memory, RowTensors* rows, RowTensors* context, TfsRequest* request)
      : names_(names), memory_(memory), rows_(*rows), context_(*context), request_(request) {
    options_.elements_max = body_bytes / 2 + 1;  // an element takes two characters at least
  }

  Status ReadPredict(ondemand::document& document) {
    ondemand::object root;
    if (document.get_object().get(root) != simdjson::SUCCESS) return Failure(ErrorCode::kMalformed, "the body must be a JSON object");
    bool has_tensors = false;
    for (auto item : root) {
      ondemand::field field;
      VIGIL_JSON_OR_RETURN(field, item);
      const std::string_view key = field.escaped_key();
      if (key == "signature_name") {
        VIGIL_RETURN_IF_ERROR(ReadSignatureName(field.value()));
      } else if (key == "instances" || key == "inputs") {
        if (std::exchange(has_tensors, true)) {
          return Failure(ErrorCode::kInvalid, "the request must have one \"instances\" (rows) or one \"inputs\" (columns)", key);
        }
        VIGIL_RETURN_IF_ERROR(key == "inputs" ? ReadInputs(field.value()) : ReadInstances(field.value()));
      }
    }
    if (!document.at_end()) return Failure(ErrorCode::kMalformed, "not valid JSON: something follows the object");
    if (!has_tensors) return Failure(ErrorCode::kInvalid, "the request has neither \"instances\" (rows) nor \"inputs\" (columns)");
    return absl::OkStatus();
  }

  // The context may stand behind the examples that it belongs to, hence two passes.
  Status ReadExamples(ondemand::document& document) {
    ondemand::object root;
    if (document.get_object().get(root) != simdjson::SUCCESS) return Failure(ErrorCode::kMalformed, "the body must be a JSON object");
    int names = 0, contexts = 0, examples = 0;
    for (auto item : root) {
      ondemand::field field;
      VIGIL_JSON_OR_RETURN(field, item);
      const std::string_view key = field.escaped_key();
      names += key == "signature_name" ? 1 : 0;
      contexts += key == "context" ? 1 : 0;
      examples += key == "examples" ? 1 : 0;
    }
    if (!document.at_end()) return Failure(ErrorCode::kMalformed, "not valid JSON: something follows the object");
    if (examples == 0) return Failure(ErrorCode::kInvalid, "the request has no \"examples\"", "examples");
    if (names > 1 || contexts > 1 || examples > 1) return Failure(ErrorCode::kInvalid, "a member of the request stands twice");
    document.rewind();
    VIGIL_JSON_OR_RETURN(root, document.get_object());
    options_.feature = options_.null_is_missing = true;
    ondemand::value value;
    if (names > 0) {
      VIGIL_JSON_OR_RETURN(value, root.find_field_unordered("signature_name"));
      VIGIL_RETURN_IF_ERROR(ReadSignatureName(value));
    }
    if (contexts > 0) {
      VIGIL_JSON_OR_RETURN(value, root.find_field_unordered("context"));
      context_.Begin(1, names_, memory_);
      VIGIL_RETURN_IF_ERROR(ReadMembers(value, &context_, [] { return std::string("context"); }));
    }
    VIGIL_JSON_OR_RETURN(value, root.find_field_unordered("examples"));
    ondemand::array list;
    VIGIL_RETURN_IF_ERROR(OpenRows(value, "examples", &list));
    request_->form = TfsForm::kExamples;
    return ReadRows(list, "examples", contexts > 0 ? &context_ : nullptr);
  }

 private:
  Status ReadSignatureName(ondemand::value value) {
    if (value.get_string().get(request_->signature_name) == simdjson::SUCCESS) return absl::OkStatus();
    return Failure(ErrorCode::kInvalid, "must be a string", "signature_name");
  }

  Status OpenRows(ondemand::value value, std::string_view path, ondemand::array* list) {
    if (!Token(value).starts_with('[')) return Failure(ErrorCode::kInvalid, "must be a list", path);
    VIGIL_JSON_OR_RETURN(*list, value.get_array());
    size_t count = 0;
    VIGIL_JSON_OR_RETURN(count, list->count_elements());
    if (count == 0) return Failure(ErrorCode::kInvalid, "is empty: there are no rows", path);
    rows_.Begin(count, names_, memory_);
    return absl::OkStatus();
  }

  // Whether rows are objects of named values, by the first of them.
  Status PeekNamed(ondemand::array& list, bool* named) {
    for (auto item : list) {
      ondemand::value value;
      VIGIL_JSON_OR_RETURN(value, item);
      *named = Token(value).starts_with('{');
      if (!*named) break;
      ondemand::object object;
      VIGIL_JSON_OR_RETURN(object, value.get_object());
      for (auto member : object) {
        ondemand::field field;
        VIGIL_JSON_OR_RETURN(field, member);
        *named = field.escaped_key() != "b64" || names_.Find("b64") >= 0;  // else it is a text
        break;
      }
      break;
    }
    bool any = false;
    VIGIL_JSON_OR_RETURN(any, list.reset());
    return absl::OkStatus();
  }

  Status ReadInstances(ondemand::value value) {
    request_->form = TfsForm::kRows;
    ondemand::array list;
    VIGIL_RETURN_IF_ERROR(OpenRows(value, "instances", &list));
    bool named = false;
    VIGIL_RETURN_IF_ERROR(PeekNamed(list, &named));
    if (named) {
      options_.null_is_missing = true;
      return ReadRows(list, "instances", nullptr);
    }
    RowTensor* tensor = nullptr;
    VIGIL_RETURN_IF_ERROR(AddUnnamed("instances", &tensor));
    if (const Status status = ReadTfsList(list, options_, memory_, &rows_, tensor); !status.ok()) return At(status, "instances");
    return TakeColumns();
  }

  Status ReadInputs(ondemand::value value) {
    request_->form = TfsForm::kColumns;
    if (Token(value).starts_with('{')) {
      rows_.Begin(1, names_, memory_);
      options_.null_is_missing = true;
      VIGIL_RETURN_IF_ERROR(ReadMembers(value, &rows_, [] { return std::string("inputs"); }));
      return TakeColumns();
    }
    RowTensor* tensor = nullptr;
    VIGIL_RETURN_IF_ERROR(AddUnnamed("inputs", &tensor));
    if (const Status status = ReadTfsItem(value, options_, memory_, &rows_, tensor); !status.ok()) return At(status, "inputs");
    return TakeColumns();
  }

  // One tensor without a name, all rows in one item.
  Status AddUnnamed(std::string_view path, RowTensor** tensor) {
    std::string_view name;
    DType dtype = DType::kFloat32;
    if (const Status status = names_.Unnamed(&name, &dtype); !status.ok()) return At(status, path);
    rows_.Begin(1, names_, memory_);
    *tensor = rows_.Add(name, dtype);
    return absl::OkStatus();
  }

  Status ReadRows(ondemand::array list, std::string_view path, const RowTensors* context) {
    size_t row = 0;
    const auto place = [&] { return Concat(path, "[", row, "]"); };
    for (auto item : list) {
      ondemand::value value;
      VIGIL_JSON_OR_RETURN(value, item);
      if (row >= rows_.rows()) return Failure(ErrorCode::kMalformed, "not valid JSON: a list has no end", path);
      VIGIL_RETURN_IF_ERROR(ReadMembers(value, &rows_, place));
      if (const Status status = rows_.EndRow(context); !status.ok()) return At(status, place());
      ++row;
    }
    if (row != rows_.rows()) return Failure(ErrorCode::kMalformed, "not valid JSON: a list has no end", path);
    for (const RowTensor& tensor : rows_.tensors()) {
      TensorView& view = View(tensor);
      view.shape.push_back(static_cast<int64_t>(row));
      view.shape.insert(view.shape.end(), tensor.item.begin(), tensor.item.end());
    }
    return absl::OkStatus();
  }

  // Named values of one row; `place` names it.
  template <typename Place>
  Status ReadMembers(ondemand::value value, RowTensors* tensors, Place place) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) {
      return Failure(ErrorCode::kInvalid, "must be an object of values by name", place());
    }
    for (auto item : object) {
      ondemand::field field;
      VIGIL_JSON_OR_RETURN(field, item);
      std::string_view name = field.escaped_key();
      if (name.find('\\') != std::string_view::npos) VIGIL_JSON_OR_RETURN(name, field.unescaped_key());
      StatusOr<RowTensor*> tensor = tensors->Member(name);
      if (!tensor.ok()) return At(tensor.status(), place());
      if (*tensor == nullptr && options_.feature) continue;
      if (*tensor == nullptr) return At(names_.Unknown(name), place());
      const Status status = ReadTfsItem(field.value(), options_, memory_, tensors, *tensor);
      if (!status.ok()) return At(status, Concat(place(), ".", name));
    }
    return absl::OkStatus();
  }

  // Tensors of one item each, which is the whole tensor.
  Status TakeColumns() {
    for (const RowTensor& tensor : rows_.tensors()) View(tensor).shape.assign(tensor.item.begin(), tensor.item.end());
    return absl::OkStatus();
  }

  TensorView& View(const RowTensor& tensor) {
    TensorView& view = request_->tensors.emplace_back();
    view.name = tensor.name;
    view.dtype = tensor.dtype;
    view.data = tensor.data;
    return view;
  }

  const InputNames& names_;
  RequestMemory* const memory_;
  RowTensors& rows_;
  RowTensors& context_;
  TfsRequest* const request_;
  TfsItemOptions options_;
};

}  // namespace

void TfsRequest::Clear() {
  form = TfsForm::kRows;
  signature_name = {};
  tensors.clear();
  output_filter.clear();
}

TfsReader::TfsReader() : state_(std::make_unique<State>()) {}
TfsReader::~TfsReader() = default;

Status TfsReader::ReadPredict(std::string_view body, const InputNames& names, RequestMemory* memory, TfsRequest* request) {
  request->Clear();
  memory->Release();
  ondemand::document document;
  VIGIL_RETURN_IF_ERROR(state_->document.Open(body, &document));
  return Reader(body.size(), names, memory, &state_->rows, &state_->context, request).ReadPredict(document);
}

Status TfsReader::ReadExamples(std::string_view body, const InputNames& names, RequestMemory* memory, TfsRequest* request) {
  request->Clear();
  memory->Release();
  ondemand::document document;
  VIGIL_RETURN_IF_ERROR(state_->document.Open(body, &document));
  return Reader(body.size(), names, memory, &state_->rows, &state_->context, request).ReadExamples(document);
}

}  // namespace vigil
