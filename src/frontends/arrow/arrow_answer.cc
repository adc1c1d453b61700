#include "frontends/arrow/arrow_answer.h"

#include <new>
#include <vector>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/tensors/answer_tensors.h"
#include "frontends/words.h"
#include "nanoarrow/nanoarrow.hpp"
#include "nanoarrow/nanoarrow_ipc.hpp"

namespace vigil {
namespace {

// What is built here is well-formed; only memory can be missing, and that ends as it does anywhere else.
void Must(ArrowErrorCode code) {
  if (code != NANOARROW_OK) throw std::bad_alloc();
}

ArrowStringView View(std::string_view text) { return {text.data(), static_cast<int64_t>(text.size())}; }

ArrowType TypeOf(DType dtype) {
  switch (dtype) {
    case DType::kBool: return NANOARROW_TYPE_BOOL;
    case DType::kInt8: return NANOARROW_TYPE_INT8;
    case DType::kInt16: return NANOARROW_TYPE_INT16;
    case DType::kInt32: return NANOARROW_TYPE_INT32;
    case DType::kInt64: return NANOARROW_TYPE_INT64;
    case DType::kUint8: return NANOARROW_TYPE_UINT8;
    case DType::kUint16: return NANOARROW_TYPE_UINT16;
    case DType::kUint32: return NANOARROW_TYPE_UINT32;
    case DType::kUint64: return NANOARROW_TYPE_UINT64;
    case DType::kFloat16: return NANOARROW_TYPE_HALF_FLOAT;
    case DType::kFloat64: return NANOARROW_TYPE_DOUBLE;
    case DType::kString: return NANOARROW_TYPE_LARGE_STRING;  // no limit of 2 GB on all texts of a column
    case DType::kFloat32:
    case DType::kBfloat16: break;  // which Arrow has no type for
  }
  return NANOARROW_TYPE_FLOAT;
}

size_t WidthOf(const AnswerTensor& tensor, size_t rows) { return rows == 0 ? 1 : tensor.elements() / rows; }

void DescribeOutput(const AnswerTensor& tensor, std::string_view name, size_t rows, ArrowSchema* schema) {
  const ArrowType type = TypeOf(tensor.dtype);
  const size_t width = WidthOf(tensor, rows);
  const std::vector<std::string>& keys = tensor.spec->keys;
  ArrowSchemaInit(schema);
  if (!keys.empty()) {
    Must(ArrowSchemaSetTypeStruct(schema, static_cast<int64_t>(keys.size())));
    for (size_t k = 0; k < keys.size(); ++k) {
      Must(ArrowSchemaSetType(schema->children[k], type));
      Must(ArrowSchemaSetName(schema->children[k], keys[k].c_str()));
    }
  } else if (width != 1) {
    Must(ArrowSchemaSetTypeFixedSize(schema, NANOARROW_TYPE_FIXED_SIZE_LIST, static_cast<int32_t>(width)));
    Must(ArrowSchemaSetType(schema->children[0], type));
  } else {
    Must(ArrowSchemaSetType(schema, type));
  }
  Must(ArrowSchemaSetName(schema, std::string(name).c_str()));
}

void AppendValue(const AnswerTensor& tensor, size_t i, ArrowArray* array) {
  switch (tensor.dtype) {
    case DType::kString: return Must(ArrowArrayAppendString(array, View(tensor.text(i))));
    case DType::kUint64: return Must(ArrowArrayAppendUInt(array, static_cast<uint64_t>(tensor.owned->whole(i))));
    case DType::kFloat16:
    case DType::kBfloat16:
    case DType::kFloat32:
    case DType::kFloat64: return Must(ArrowArrayAppendDouble(array, tensor.number(i)));
    default: return Must(ArrowArrayAppendInt(array, tensor.owned->whole(i)));
  }
}

void FillOutput(const AnswerTensor& tensor, const PredictResult& result, size_t rows, ArrowArray* array) {
  const size_t width = WidthOf(tensor, rows);
  for (size_t row = 0; row < rows; ++row) {
    if (row < result.refused.size() && result.refused[row] != 0) {
      Must(ArrowArrayAppendNull(array, 1));
    } else if (array->n_children == 0) {
      AppendValue(tensor, row, array);
    } else {
      const bool by_key = !tensor.spec->keys.empty();
      for (size_t k = 0; k < width; ++k) AppendValue(tensor, row * width + k, array->children[by_key ? k : 0]);
      Must(ArrowArrayFinishElement(array));
    }
  }
}

void SetMetadata(const PredictResult& result, std::string_view model, ArrowSchema* schema) {
  nanoarrow::UniqueBuffer pairs;
  Must(ArrowMetadataBuilderInit(pairs.get(), nullptr));
  const auto add = [&](std::string_view key, std::string_view value) {
    Must(ArrowMetadataBuilderAppend(pairs.get(), View(key), View(value)));
  };
  add("model", model);
  add("version", result.version);
  std::string warnings = "[";
  for (size_t i = 0; i < result.warnings.size(); ++i) {
    if (i != 0) warnings.push_back(',');
    AppendJsonString(&warnings, result.warnings[i]);
  }
  warnings.push_back(']');
  add("warnings", warnings);
  if (result.error_count > 0) {
    std::string errors = "{";
    AppendRowErrors(&errors, {result.errors, result.error_count});
    errors.push_back('}');
    add("errors", errors);
  }
  Must(ArrowSchemaSetMetadata(schema, reinterpret_cast<const char*>(pairs->data)));
}

}  // namespace

void AppendArrowAnswer(const PredictResult& result, const Signature& signature, std::string_view model, size_t rows, std::string* out) {
  std::vector<AnswerTensor> outputs;
  AnswerTensors(signature, result, rows, &outputs);
  const bool ids = !result.prediction_ids.empty(), versions = !result.versions.empty();
  nanoarrow::UniqueSchema schema;
  ArrowSchemaInit(schema.get());
  Must(ArrowSchemaSetTypeStruct(schema.get(), static_cast<int64_t>(outputs.size() + (ids ? 1 : 0) + (versions ? 1 : 0))));
  size_t at = 0;
  const auto describe_text = [&](const char* name) {
    Must(ArrowSchemaSetType(schema->children[at], NANOARROW_TYPE_STRING));
    Must(ArrowSchemaSetName(schema->children[at++], name));
  };
  if (ids) describe_text("prediction_id");
  for (const AnswerTensor& output : outputs)
    DescribeOutput(output, outputs.size() == 1 ? std::string_view("prediction") : std::string_view(output.spec->name), rows,
                   schema->children[at++]);
  if (versions) describe_text("version");
  SetMetadata(result, model, schema.get());

  nanoarrow::UniqueArray array;
  Must(ArrowArrayInitFromSchema(array.get(), schema.get(), nullptr));
  Must(ArrowArrayStartAppending(array.get()));
  at = 0;
  if (ids) {
    char text[PredictionId::kTextLength];
    for (const PredictionId& id : result.prediction_ids) {
      id.Format(text);
      Must(ArrowArrayAppendString(array->children[at], View({text, sizeof(text)})));
    }
    ++at;
  }
  for (const AnswerTensor& output : outputs) FillOutput(output, result, rows, array->children[at++]);
  if (versions) {
    for (const std::string_view version : result.versions) Must(ArrowArrayAppendString(array->children[at], View(version)));
  }
  array->length = static_cast<int64_t>(rows);
  Must(ArrowArrayFinishBuildingDefault(array.get(), nullptr));

  nanoarrow::UniqueArrayView view;
  Must(ArrowArrayViewInitFromSchema(view.get(), schema.get(), nullptr));
  Must(ArrowArrayViewSetArray(view.get(), array.get(), nullptr));
  nanoarrow::UniqueBuffer written;
  nanoarrow::ipc::UniqueOutputStream stream;
  Must(ArrowIpcOutputStreamInitBuffer(stream.get(), written.get()));
  nanoarrow::ipc::UniqueWriter writer;
  Must(ArrowIpcWriterInit(writer.get(), stream.get()));
  Must(ArrowIpcWriterWriteSchema(writer.get(), schema.get(), nullptr));
  Must(ArrowIpcWriterWriteArrayView(writer.get(), view.get(), nullptr));
  Must(ArrowIpcWriterWriteArrayView(writer.get(), nullptr, nullptr));
  out->append(reinterpret_cast<const char*>(written->data), static_cast<size_t>(written->size_bytes));
}

}  // namespace vigil
