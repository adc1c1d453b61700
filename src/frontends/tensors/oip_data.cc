#include "frontends/tensors/oip_data.h"

#include <cstring>
#include <limits>
#include <type_traits>

#include "frontends/tensors/tensor_rows.h"

namespace vigil {

using namespace rows;  // NOLINT: the parsers' own vocabulary

namespace {

Status NoElement(std::string_view token, std::string_view wanted) {
  return Failure(ErrorCode::kInvalid, Concat(token.substr(0, 40), " is no ", wanted));
}

// What Python and JavaScript write for what JSON has no number for; null is a missing value.
bool ReadWord(std::string_view token, double* value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (token == "null" || token == "NaN")
    *value = std::numeric_limits<double>::quiet_NaN();
  else if (token == "Infinity")
    *value = kInfinity;
  else if (token == "-Infinity")
    *value = -kInfinity;
  else
    return false;
  return true;
}

// Reads one element into `to`.
Status ReadElement(ondemand::value value, double* to) {
  const std::string_view token = Token(value);
  if (ParseJsonNumber(token, to) || ReadWord(token, to)) return absl::OkStatus();
  if (token == "true" || token == "false") {
    *to = token == "true" ? 1 : 0;
    return absl::OkStatus();
  }
  return NoElement(token, "number");
}

Status ReadElement(ondemand::value value, std::string_view* to) {
  ondemand::json_type type;
  VIGIL_JSON_OR_RETURN(type, value.type());
  if (type == ondemand::json_type::null) {
    *to = {};
    return absl::OkStatus();
  }
  if (type != ondemand::json_type::string) return NoElement(Token(value), "text");
  VIGIL_JSON_OR_RETURN(*to, value.get_string());
  if (to->data() == nullptr) *to = "";  // empty, not missing
  return absl::OkStatus();
}

Status ReadElement(ondemand::value value, bool* to) {
  const std::string_view token = Token(value);
  if (token != "true" && token != "false" && token != "1" && token != "0") return NoElement(token, "truth value");
  *to = token == "true" || token == "1";
  return absl::OkStatus();
}

template <typename T>
Status ReadWhole(ondemand::value value, T* to) {
  const std::string_view token = Token(value);
  const char* const end = token.data() + token.size();
  if (const auto parsed = std::from_chars(token.data(), end, *to); parsed.ec == std::errc() && parsed.ptr == end) return absl::OkStatus();
  if (token == "true" || token == "false") {
    *to = token == "true";
    return absl::OkStatus();
  }
  // 3.0 and 1e3 are whole numbers too, and what some clients write.
  double number = 0;
  constexpr double kLimit = 9007199254740992.0;
  if (!ParseJsonNumber(token, &number) || number != static_cast<double>(static_cast<int64_t>(std::clamp(number, -kLimit, kLimit)))) {
    return NoElement(token, "whole number");
  }
  const auto low = static_cast<double>(std::numeric_limits<T>::min()), high = static_cast<double>(std::numeric_limits<T>::max());
  if (number < low || number > high) return NoElement(token, Concat("whole number of ", 8 * sizeof(T), " bits"));
  *to = static_cast<T>(number);
  return absl::OkStatus();
}

// Elements of the wire's type From, kept as T by `convert`, one after the other.
template <typename From, typename T, typename Convert>
class Filler {
 public:
  Filler(T* to, size_t elements, Convert convert) : to_(to), end_(to + elements), begin_(to), convert_(convert) {}

  // Flat or nested lists alike; the depth of recursion is bounded.
  Status Fill(ondemand::array list, size_t depth) {
    for (auto item : list) {
      ondemand::value value;
      VIGIL_JSON_OR_RETURN(value, item);
      if (Token(value).starts_with('[')) {
        if (depth >= kTensorRankMax) return Failure(ErrorCode::kInvalid, "is nested too deeply");
        ondemand::array inner;
        VIGIL_JSON_OR_RETURN(inner, value.get_array());
        VIGIL_RETURN_IF_ERROR(Fill(inner, depth + 1));
        continue;
      }
      if (to_ == end_) return Failure(ErrorCode::kInvalid, Concat("holds more than the ", end_ - begin_, " elements of its shape"));
      From element{};
      if constexpr (std::is_integral_v<From> && !std::is_same_v<From, bool>) {
        VIGIL_RETURN_IF_ERROR(Placed(ReadWhole(value, &element)));
      } else {
        VIGIL_RETURN_IF_ERROR(Placed(ReadElement(value, &element)));
      }
      *to_++ = convert_(element);
    }
    return absl::OkStatus();
  }

  Status Finish() const {
    if (to_ == end_) return absl::OkStatus();
    return Failure(ErrorCode::kInvalid, Concat("holds ", to_ - begin_, " elements, its shape ", end_ - begin_));
  }

 private:
  Status Placed(const Status& status) const {
    return status.ok() ? status : Failure(CodeOf(status), Concat("element ", to_ - begin_, ": ", MessageOf(status)));
  }

  T* to_;
  T* const end_;
  T* const begin_;
  const Convert convert_;
};

template <typename From, typename T, typename Convert>
Status FillAs(ondemand::array data, size_t elements, T* to, Convert convert) {
  Filler<From, T, Convert> filler(to, elements, convert);
  VIGIL_RETURN_IF_ERROR(filler.Fill(data, 1));
  return filler.Finish();
}

}  // namespace

Status ReadJsonData(ondemand::array data, size_t elements, RequestMemory* memory, TensorView* tensor) {
  if (tensor->dtype == DType::kString) {
    const absl::Span<std::string_view> texts = memory->Texts(elements);
    tensor->data = texts.data();
    return FillAs<std::string_view>(data, elements, texts.data(), [](std::string_view text) { return text; });
  }
  std::byte* const bytes = memory->Bytes(std::max<size_t>(elements * DTypeBytes(tensor->dtype), 1));
  tensor->data = bytes;
  const auto whole = [&](auto* to) {
    using T = std::remove_pointer_t<decltype(to)>;
    return FillAs<T>(data, elements, to, [](T value) { return value; });
  };
  switch (tensor->dtype) {
    case DType::kBool:
      return FillAs<bool>(data, elements, reinterpret_cast<uint8_t*>(bytes), [](bool value) { return static_cast<uint8_t>(value); });
    case DType::kUint8: return whole(reinterpret_cast<uint8_t*>(bytes));
    case DType::kUint16: return whole(reinterpret_cast<uint16_t*>(bytes));
    case DType::kUint32: return whole(reinterpret_cast<uint32_t*>(bytes));
    case DType::kUint64: return whole(reinterpret_cast<uint64_t*>(bytes));
    case DType::kInt8: return whole(reinterpret_cast<int8_t*>(bytes));
    case DType::kInt16: return whole(reinterpret_cast<int16_t*>(bytes));
    case DType::kInt32: return whole(reinterpret_cast<int32_t*>(bytes));
    case DType::kInt64: return whole(reinterpret_cast<int64_t*>(bytes));
    case DType::kFloat16:
      return FillAs<double>(data, elements, reinterpret_cast<uint16_t*>(bytes),
                            [](double value) { return HalfFromFloat(static_cast<float>(value)); });
    case DType::kBfloat16:
      return FillAs<double>(data, elements, reinterpret_cast<uint16_t*>(bytes),
                            [](double value) { return BfloatFromFloat(static_cast<float>(value)); });
    case DType::kFloat32:
      return FillAs<double>(data, elements, reinterpret_cast<float*>(bytes), [](double value) { return static_cast<float>(value); });
    default: return FillAs<double>(data, elements, reinterpret_cast<double*>(bytes), [](double value) { return value; });
  }
}

}  // namespace vigil
