#include "frontends/tensors/tfs_items.h"

#include <cstring>
#include <limits>
#include <type_traits>

#include "absl/strings/escaping.h"
#include "frontends/tensors/tensor_rows.h"

namespace vigil {

using namespace rows;  // NOLINT: the parsers' own vocabulary

namespace {

template <typename T>
void Put(std::byte* to, const T& value) {
  std::memcpy(to, &value, sizeof(value));
}

// Words that JSON has no numbers for, as TensorFlow Serving's parser reads them.
bool ReadWord(std::string_view token, double* value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool negative = token.starts_with('-');
  if (negative) token.remove_prefix(1);
  if (token == "Infinity" || token == "Inf")
    *value = negative ? -kInfinity : kInfinity;
  else if (token == "NaN")
    *value = std::numeric_limits<double>::quiet_NaN();
  else
    return false;
  return true;
}

template <typename Convert>
bool PutFloat(std::string_view token, std::byte* to, Convert convert) {
  double value = 0;
  if (!ParseJsonNumber(token, &value) && !ReadWord(token, &value)) return false;
  Put(to, convert(value));
  return true;
}

template <typename T>
bool PutWhole(std::string_view token, std::byte* to) {
  T value{};
  const char* const end = token.data() + token.size();
  const std::string_view digits = token.starts_with('-') ? token.substr(1) : token;
  if (digits.size() > 1 && digits[0] == '0') return false;
  const auto [stop, error] = std::from_chars(token.data(), end, value);
  if (error != std::errc() || stop != end) return false;
  Put(to, value);
  return true;
}

bool PutTruth(std::string_view token, std::byte* to) {
  if (token != "true" && token != "false") return false;
  Put(to, static_cast<uint8_t>(token == "true"));
  return true;
}

// Any type but texts; false when the token is no element of it.
bool PutElement(DType dtype, std::string_view token, std::byte* to) {
  switch (dtype) {
    case DType::kBool: return PutTruth(token, to);
    case DType::kUint8: return PutWhole<uint8_t>(token, to);
    case DType::kUint16: return PutWhole<uint16_t>(token, to);
    case DType::kUint32: return PutWhole<uint32_t>(token, to);
    case DType::kUint64: return PutWhole<uint64_t>(token, to);
    case DType::kInt8: return PutWhole<int8_t>(token, to);
    case DType::kInt16: return PutWhole<int16_t>(token, to);
    case DType::kInt32: return PutWhole<int32_t>(token, to);
    case DType::kInt64: return PutWhole<int64_t>(token, to);
    case DType::kFloat16: return PutFloat(token, to, [](double value) { return HalfFromFloat(static_cast<float>(value)); });
    case DType::kBfloat16: return PutFloat(token, to, [](double value) { return BfloatFromFloat(static_cast<float>(value)); });
    case DType::kFloat32: return PutFloat(token, to, [](double value) { return static_cast<float>(value); });
    case DType::kFloat64: return PutFloat(token, to, [](double value) { return value; });
    case DType::kString: break;
  }
  return false;
}

Status NoElement(std::string_view token, DType dtype) {
  return Failure(ErrorCode::kInvalid, Concat(token.substr(0, 40), " is no ", DTypeName(dtype)));
}

Status ReadBase64(std::string_view text, RequestMemory* memory, std::string_view* bytes) {
  std::string decoded;
  if (!absl::Base64Unescape(absl::string_view(text.data(), text.size()), &decoded)) {
    return Failure(ErrorCode::kInvalid, Concat("\"", text.substr(0, 40), "\" is no base64"));
  }
  char* const kept = reinterpret_cast<char*>(memory->Bytes(std::max<size_t>(decoded.size(), 1)));
  std::memcpy(kept, decoded.data(), decoded.size());
  *bytes = {kept, decoded.size()};
  return absl::OkStatus();
}

Status ReadTextElement(ondemand::value value, char first, RequestMemory* memory, std::string_view* text) {
  if (first == '{') {
    ondemand::object object;
    VIGIL_JSON_OR_RETURN(object, value.get_object());
    size_t members = 0;
    for (auto item : object) {
      ondemand::field field;
      VIGIL_JSON_OR_RETURN(field, item);
      if (++members > 1 || field.escaped_key() != "b64" || field.value().get_string().get(*text) != simdjson::SUCCESS) {
        return Failure(ErrorCode::kInvalid, "an object that stands for a text is {\"b64\": base64}");
      }
    }
    if (members == 0) return Failure(ErrorCode::kInvalid, "{} is no BYTES");
    return ReadBase64(*text, memory, text);
  }
  if (first != '"') return NoElement(Token(value), DType::kString);
  VIGIL_JSON_OR_RETURN(*text, value.get_string());
  if (text->data() == nullptr) *text = "";  // empty, not missing
  return absl::OkStatus();
}

// Reads the elements of one item; its recursion is bounded by kTensorRankMax.
class ItemReader {
 public:
  ItemReader(const TfsItemOptions& options, RequestMemory* memory, RowTensors* tensors, RowTensor* tensor)
      : options_(options), memory_(memory), tensors_(tensors), tensor_(tensor), element_bytes_(ElementBytes(tensor->dtype)) {
    if (tensor->shaped) to_ = tensor->Next();
  }

  Status Read(ondemand::value value, size_t depth) {
    const std::string_view token = Token(value);
    if (token.empty()) return Failure(ErrorCode::kMalformed, "not valid JSON: a value is missing");
    if (token[0] == '[') {
      ondemand::array list;
      VIGIL_JSON_OR_RETURN(list, value.get_array());
      return ReadList(list, depth);
    }
    if (!tensor_->shaped) {
      if (options_.feature && depth == 0) tensor_->item.push_back(1);
      VIGIL_RETURN_IF_ERROR(Shape());
    }
    const bool alone = options_.feature && depth == 0 && tensor_->width == 1;
    if (depth != tensor_->item.size() && !alone) return Ragged();
    VIGIL_RETURN_IF_ERROR(ReadElement(value, token, depth));
    to_ += element_bytes_;
    return absl::OkStatus();
  }

  Status ReadList(ondemand::array list, size_t depth) {
    if (depth >= kTensorRankMax) return Failure(ErrorCode::kInvalid, "is nested too deeply");
    if (options_.feature && depth > 0) return Failure(ErrorCode::kInvalid, "a feature is a value or a list of values");
    if (!tensor_->shaped) {
      size_t count = 0;
      VIGIL_JSON_OR_RETURN(count, list.count_elements());
      tensor_->item.push_back(static_cast<int64_t>(count));
      if (count == 0) VIGIL_RETURN_IF_ERROR(Shape());
    } else if (depth >= tensor_->item.size()) {
      return Ragged();
    }
    const int64_t wanted = tensor_->item[depth];
    int64_t count = 0;
    for (auto item : list) {
      ondemand::value element;
      VIGIL_JSON_OR_RETURN(element, item);
      if (count++ == wanted) return Ragged();
      VIGIL_RETURN_IF_ERROR(Read(element, depth + 1));
    }
    return count == wanted ? absl::OkStatus() : Ragged();
  }

 private:
  Status Shape() {
    size_t elements = 1;
    for (const int64_t dimension : tensor_->item) {
      const auto size = static_cast<size_t>(dimension);
      if (size != 0 && elements > options_.elements_max / size) return Ragged();
      elements *= size;
    }
    VIGIL_RETURN_IF_ERROR(tensors_->Shaped(tensor_));
    to_ = tensor_->Next();
    return absl::OkStatus();
  }

  Status ReadElement(ondemand::value value, std::string_view token, size_t depth) {
    if (tensor_->dtype == DType::kString) {
      std::string_view text;
      if (token == "null" && MayBeMissing(depth)) return Put(to_, text), absl::OkStatus();
      VIGIL_RETURN_IF_ERROR(ReadTextElement(value, token[0], memory_, &text));
      Put(to_, text);
      return absl::OkStatus();
    }
    if (PutElement(tensor_->dtype, token, to_)) return absl::OkStatus();
    if (token == "null" && MayBeMissing(depth) && PutElement(tensor_->dtype, "NaN", to_)) return absl::OkStatus();
    return NoElement(token, tensor_->dtype);
  }

  bool MayBeMissing(size_t depth) const { return depth > 1 || options_.null_is_missing; }

  static Status Ragged() { return Failure(ErrorCode::kInvalid, "is ragged: all its lists of one depth must have as many items as the first"); }

  const TfsItemOptions& options_;
  RequestMemory* const memory_;
  RowTensors* const tensors_;
  RowTensor* const tensor_;
  const size_t element_bytes_;
  std::byte* to_ = nullptr;
};

}  // namespace

Status ReadTfsItem(ondemand::value value, const TfsItemOptions& options, RequestMemory* memory, RowTensors* tensors, RowTensor* tensor) {
  VIGIL_RETURN_IF_ERROR(ItemReader(options, memory, tensors, tensor).Read(value, 0));
  ++tensor->rows;
  return absl::OkStatus();
}

Status ReadTfsList(ondemand::array list, const TfsItemOptions& options, RequestMemory* memory, RowTensors* tensors, RowTensor* tensor) {
  VIGIL_RETURN_IF_ERROR(ItemReader(options, memory, tensors, tensor).ReadList(list, 0));
  ++tensor->rows;
  return absl::OkStatus();
}

}  // namespace vigil
