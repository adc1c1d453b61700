#include "runtime/onnx/wire.h"

#include <bit>
#include <cstring>

#include "runtime/cat.h"

namespace vigil::onnx {
namespace {

constexpr int kVarintBytesMax = 10;

template <typename T>
T Load(const char* from) {
  static_assert(std::endian::native == std::endian::little, "protobuf's fixed numbers are little-endian");
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// One varint of [*at, end). False when it does not end there.
bool DecodeVarint(const char** at, const char* end, uint64_t* value) {
  uint64_t result = 0;
  for (int i = 0; i < kVarintBytesMax && *at < end; ++i) {
    const auto byte = static_cast<uint8_t>(*(*at)++);
    result |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      *value = result;
      return true;
    }
  }
  return false;
}

template <typename T>
Status AppendFixed(const WireReader& reader, WireType single, std::vector<T>* to) {
  if (reader.type() == WireType::kBytes) {
    const std::string_view bytes = reader.bytes();
    if (bytes.size() % sizeof(T) != 0) {
      return absl::InvalidArgumentError(Cat(bytes.size(), " bytes of numbers of ", sizeof(T), " bytes"));
    }
    const size_t had = to->size();
    to->resize(had + bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(to->data() + had, bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  if (reader.type() != single) return absl::InvalidArgumentError(Cat("field ", reader.field(), " is no number of its type"));
  if constexpr (sizeof(T) == sizeof(float)) {
    to->push_back(static_cast<T>(reader.float32()));
  } else {
    to->push_back(static_cast<T>(reader.float64()));
  }
  return absl::OkStatus();
}

}  // namespace

bool WireReader::Fail(const char* what) {
  status_ = absl::InvalidArgumentError(Cat("at byte ", at_ - begin_, ": ", what));
  at_ = end_;
  return false;
}

bool WireReader::ReadVarint(uint64_t* value) { return DecodeVarint(&at_, end_, value) || Fail("a number that does not end"); }

bool WireReader::Next() {
  if (at_ >= end_) return false;
  uint64_t tag = 0;
  if (!ReadVarint(&tag)) return false;
  if (tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) return Fail("a field number that cannot be");
  field_ = static_cast<uint32_t>(tag >> 3);
  raw_ = 0;
  bytes_ = {};
  const auto left = static_cast<size_t>(end_ - at_);
  switch (tag & 7) {
    case 0: type_ = WireType::kVarint; return ReadVarint(&raw_);
    case 1:
      type_ = WireType::kFixed64;
      if (left < 8) return Fail("a 64-bit number is cut short");
      raw_ = Load<uint64_t>(at_);
      at_ += 8;
      return true;
    case 2: {
      type_ = WireType::kBytes;
      uint64_t length = 0;
      if (!ReadVarint(&length)) return false;
      if (length > static_cast<uint64_t>(end_ - at_)) {
        status_ = absl::InvalidArgumentError(
            Cat("at byte ", at_ - begin_, ": field ", field_, " declares ", length, " bytes where ", end_ - at_, " are left"));
        at_ = end_;
        return false;
      }
      bytes_ = std::string_view(at_, length);
      at_ += length;
      return true;
    }
    case 5:
      type_ = WireType::kFixed32;
      if (left < 4) return Fail("a 32-bit number is cut short");
      raw_ = Load<uint32_t>(at_);
      at_ += 4;
      return true;
    default: return Fail("a field of no known wire type");
  }
}

float WireReader::float32() const { return std::bit_cast<float>(static_cast<uint32_t>(raw_)); }
double WireReader::float64() const { return std::bit_cast<double>(raw_); }

Status AppendIntegers(const WireReader& reader, std::vector<int64_t>* to) {
  if (reader.type() == WireType::kVarint) {
    to->push_back(reader.integer());
    return absl::OkStatus();
  }
  if (reader.type() != WireType::kBytes) return absl::InvalidArgumentError(Cat("field ", reader.field(), " is no integer"));
  const char* at = reader.bytes().data();
  const char* end = at + reader.bytes().size();
  while (at < end) {
    uint64_t value = 0;
    if (!DecodeVarint(&at, end, &value)) return absl::InvalidArgumentError("an integer that does not end");
    to->push_back(static_cast<int64_t>(value));
  }
  return absl::OkStatus();
}

Status AppendFloats(const WireReader& reader, std::vector<float>* to) { return AppendFixed(reader, WireType::kFixed32, to); }
Status AppendDoubles(const WireReader& reader, std::vector<double>* to) { return AppendFixed(reader, WireType::kFixed64, to); }

StatusOr<int64_t> CountNumbers(const WireReader& reader, int width) {
  if (reader.type() != WireType::kBytes) return 1;
  const auto bytes = static_cast<int64_t>(reader.bytes().size());
  if (width > 0) {
    if (bytes % width != 0) return absl::InvalidArgumentError(Cat(bytes, " bytes of numbers of ", width, " bytes"));
    return bytes / width;
  }
  int64_t ends = 0;
  for (const char byte : reader.bytes()) ends += static_cast<uint8_t>(byte) < 0x80;
  return ends;
}

Status ForEachField(std::string_view message, absl::FunctionRef<Status(const WireReader&)> visit) {
  WireReader reader(message);
  while (reader.Next()) VIGIL_RETURN_IF_ERROR(visit(reader));
  return reader.status();
}

}  // namespace vigil::onnx
