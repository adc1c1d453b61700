#include "runtime/remote/json_tensors.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/escaping.h"
#include "base/text.h"
#include "runtime/cat.h"

namespace vigil::remote {
namespace {

constexpr size_t kDepthMax = 16;

bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t more = lead < 0x80                   ? 0
                        : lead >= 0xc2 && lead < 0xe0 ? 1
                        : lead >= 0xe0 && lead < 0xf0 ? 2
                        : lead >= 0xf0 && lead < 0xf5 ? 3
                                                      : 9;
    if (more == 9 || i + more >= text.size()) return false;
    for (size_t k = 1; k <= more; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    // Overlong forms, surrogates, beyond U+10FFFF.
    const auto second = more > 0 ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
        (lead == 0xf4 && second > 0x8f)) {
      return false;
    }
    i += more + 1;
  }
  return true;
}

template <typename T>
void AppendFloat(T value, JsonForm form, std::string* out) {
  if (std::isfinite(value)) return AppendNumber(out, value);
  if (std::isnan(value)) {
    out->append(form == JsonForm::kTfs ? "NaN" : "null");
  } else {
    out->append(value < 0 ? "-" : "").append(form == JsonForm::kTfs ? "Infinity" : "1e999");
  }
}

Status AppendElement(const TensorView& tensor, int64_t i, JsonForm form, std::string* out) {
  const auto at = [&]<typename T>(T) { return static_cast<const T*>(tensor.data)[i]; };
  switch (tensor.dtype) {
    case DType::kFloat32: AppendFloat(at(float{}), form, out); break;
    case DType::kFloat64: AppendFloat(at(double{}), form, out); break;
    case DType::kBool: out->append(at(uint8_t{}) != 0 ? "true" : "false"); break;
    case DType::kUint8: out->append(std::to_string(at(uint8_t{}))); break;
    case DType::kUint16: out->append(std::to_string(at(uint16_t{}))); break;
    case DType::kUint32: out->append(std::to_string(at(uint32_t{}))); break;
    case DType::kUint64: out->append(std::to_string(at(uint64_t{}))); break;
    case DType::kInt8: out->append(std::to_string(at(int8_t{}))); break;
    case DType::kInt16: out->append(std::to_string(at(int16_t{}))); break;
    case DType::kInt32: out->append(std::to_string(at(int32_t{}))); break;
    case DType::kInt64: out->append(std::to_string(at(int64_t{}))); break;
    case DType::kString: {
      const std::string_view text = static_cast<const std::string_view*>(tensor.data)[i];
      if (IsUtf8(text)) {
        AppendJsonString(out, text);
      } else if (form == JsonForm::kTfs) {
        out->append("{\"b64\":\"").append(absl::Base64Escape(AbslView(text))).append("\"}");
      } else {
        return absl::InvalidArgumentError(
            Cat("input '", tensor.name, "', element ", i, ": bytes that are not UTF-8 cannot be sent as JSON"));
      }
      break;
    }
    case DType::kFloat16:
    case DType::kBfloat16:
      return absl::UnimplementedError(Cat("input '", tensor.name, "': ", DTypeName(tensor.dtype), " cannot be sent as JSON"));
  }
  return absl::OkStatus();
}

Status AppendDimension(const TensorView& tensor, size_t d, int64_t* element, JsonForm form, std::string* out) {
  if (d == tensor.shape.size()) return AppendElement(tensor, (*element)++, form, out);
  out->push_back('[');
  for (int64_t i = 0; i < tensor.shape[d]; ++i) {
    if (i > 0) out->push_back(',');
    VIGIL_RETURN_IF_ERROR(AppendDimension(tensor, d + 1, element, form, out));
  }
  out->push_back(']');
  return absl::OkStatus();
}

Status Misfit(const TensorSpec& spec, std::string_view what) {
  return absl::InternalError(Cat("output '", spec.name, "' of the server: ", what));
}

// A number as JSON, null or one of the words that ParseLoose leaves.
bool AsDouble(const Json& value, double* number) {
  if (value.is_number()) {
    *number = value.get<double>();
  } else if (value.is_boolean()) {
    *number = value.get<bool>() ? 1 : 0;
  } else if (value.is_null() || value == "NaN") {
    *number = std::numeric_limits<double>::quiet_NaN();
  } else if (value == "Infinity" || value == "-Infinity") {
    *number = value == "Infinity" ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  } else {
    return false;
  }
  return true;
}

template <typename T>
bool PushNumber(const Json& value, OwnedTensor* tensor) {
  T converted{};
  if constexpr (std::is_floating_point_v<T>) {
    double number = 0;
    if (!AsDouble(value, &number)) return false;
    converted = static_cast<T>(number);
  } else if (value.is_number_unsigned()) {
    if (value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<T>::max())) return false;
    converted = static_cast<T>(value.get<uint64_t>());
  } else if (value.is_number_integer()) {
    const auto whole = value.get<int64_t>();
    if (!std::is_signed_v<T> || whole < static_cast<int64_t>(std::numeric_limits<T>::min())) return false;
    converted = static_cast<T>(whole);
  } else {
    double number = 0;  // 3.0 in a column of whole numbers, as some servers write them
    if (!AsDouble(value, &number) || std::nearbyint(number) != number || std::fabs(number) > 9007199254740992.0) return false;
    if (number < static_cast<double>(std::numeric_limits<T>::min()) || number > static_cast<double>(std::numeric_limits<T>::max()))
      return false;
    converted = static_cast<T>(number);
  }
  const auto* const bytes = reinterpret_cast<const std::byte*>(&converted);
  tensor->bytes.insert(tensor->bytes.end(), bytes, bytes + sizeof(T));
  return true;
}

bool PushText(const Json& value, OwnedTensor* tensor) {
  std::string& text = tensor->strings.emplace_back();
  if (value.is_string()) {
    text = value.get<std::string>();
    return true;
  }
  return value.is_object() && value.size() == 1 && value.contains("b64") && value["b64"].is_string() &&
         absl::Base64Unescape(value["b64"].get_ref<const std::string&>(), &text);
}

bool Push(const Json& value, OwnedTensor* tensor) {
  double number = 0;
  switch (tensor->dtype) {
    case DType::kFloat32:
      if (!AsDouble(value, &number)) return false;
      tensor->floats.push_back(static_cast<float>(number));
      return true;
    case DType::kFloat64: return PushNumber<double>(value, tensor);
    case DType::kBool:
    case DType::kUint8: return PushNumber<uint8_t>(value.is_boolean() ? Json(value.get<bool>() ? 1u : 0u) : value, tensor);
    case DType::kUint16: return PushNumber<uint16_t>(value, tensor);
    case DType::kUint32: return PushNumber<uint32_t>(value, tensor);
    case DType::kUint64: return PushNumber<uint64_t>(value, tensor);
    case DType::kInt8: return PushNumber<int8_t>(value, tensor);
    case DType::kInt16: return PushNumber<int16_t>(value, tensor);
    case DType::kInt32: return PushNumber<int32_t>(value, tensor);
    case DType::kInt64: return PushNumber<int64_t>(value, tensor);
    case DType::kString: return PushText(value, tensor);
    default: return false;
  }
}

// How data is nested: the size of each level, which every list of that level has.
struct Nesting {
  std::array<int64_t, kDepthMax> sizes{};
  size_t rank = 0;
  bool whole = false;  // an element was met: no level comes below it
  bool ragged = false;
};

bool Flatten(const Json& data, size_t depth, OwnedTensor* tensor, Nesting* nested, size_t* elements) {
  if (!data.is_array()) {
    nested->ragged = nested->ragged || depth != nested->rank;
    nested->whole = true;
    ++*elements;
    return Push(data, tensor);
  }
  if (depth >= kDepthMax) return false;
  if (nested->rank == depth && !nested->whole) nested->sizes[nested->rank++] = static_cast<int64_t>(data.size());
  nested->ragged = nested->ragged || depth >= nested->rank || nested->sizes[depth] != static_cast<int64_t>(data.size());
  for (const Json& item : data) {
    if (!Flatten(item, depth + 1, tensor, nested, elements)) return false;
  }
  return true;
}

}  // namespace

Status AppendFlat(const TensorView& tensor, JsonForm form, std::string* out) {
  out->push_back('[');
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (i > 0) out->push_back(',');
    VIGIL_RETURN_IF_ERROR(AppendElement(tensor, i, form, out));
  }
  out->push_back(']');
  return absl::OkStatus();
}

Status AppendNested(const TensorView& tensor, JsonForm form, std::string* out) {
  int64_t element = 0;
  return AppendDimension(tensor, 0, &element, form, out);
}

StatusOr<Json> ParseLoose(std::string_view text, std::string_view what) {
  if (text.find("NaN") == std::string_view::npos && text.find("Infinity") == std::string_view::npos) return ParseJson(text, what);
  std::string strict;
  strict.reserve(text.size() + 64);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\' && i + 1 < text.size()) {
      strict.append(text.substr(i++, 2));
      continue;
    }
    if (c == '"') quoted = !quoted;
    std::string_view word;
    for (const std::string_view candidate : {"NaN", "-Infinity", "Infinity"}) {
      if (!quoted && word.empty() && text.substr(i).starts_with(candidate)) word = candidate;
    }
    if (word.empty()) {
      strict.push_back(c);
    } else {
      strict.append("\"").append(word).append("\"");
      i += word.size() - 1;
    }
  }
  return ParseJson(strict, what);
}

Status ReadTensor(const Json& data, const TensorSpec& spec, absl::Span<const int64_t> shape, size_t rows, OwnedTensor* tensor) {
  tensor->name = spec.name;
  tensor->dtype = spec.dtype;
  tensor->floats.clear();
  tensor->bytes.clear();
  tensor->strings.clear();
  Nesting nesting;
  size_t elements = 0;
  if (!Flatten(data, 0, tensor, &nesting, &elements)) {
    return Misfit(spec, Cat("element ", elements, " is not ", DTypeName(spec.dtype)));
  }
  if (nesting.ragged) return Misfit(spec, "its lists of one level differ in length");
  if (shape.size() > kDepthMax) return Misfit(spec, Cat("a shape of ", shape.size(), " dimensions"));
  const absl::Span<const int64_t> nested = !shape.empty() ? shape : absl::MakeConstSpan(nesting.sizes.data(), nesting.rank);
  size_t promised = 1;
  for (const int64_t size : nested) {
    if (size < 0 || (size > 0 && promised > elements / static_cast<size_t>(size) + 1))
      return Misfit(spec, "its shape is not that of its data");
    promised *= static_cast<size_t>(size);
  }
  if (promised != elements) return Misfit(spec, Cat("its shape holds ", promised, " elements, its data ", elements));
  if (nested.empty() || nested[0] != static_cast<int64_t>(rows)) {
    return Misfit(spec, Cat(nested.empty() ? int64_t{0} : nested[0], " rows for ", rows, " rows"));
  }
  tensor->shape.assign(nested.begin(), nested.end());
  return absl::OkStatus();
}

}  // namespace vigil::remote
