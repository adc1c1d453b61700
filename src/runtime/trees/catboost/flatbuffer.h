// A bounded reader of FlatBuffers (https://flatbuffers.dev/internals): every offset, length and string is checked against the buffer before
// it is followed, tables are only read by field number, and what is copied out is bounded by the buffer's size however often it names one
// part.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/status.h"

namespace vigil::trees {

// The buffer, and how much may still be copied out of it. Tables point to it.
class FlatBuffer {
 public:
  // `bytes` must outlive this.
  explicit FlatBuffer(std::string_view bytes) : bytes_(bytes), budget_(bytes.size() * 4 + 4096) {}

  template <typename T>
  bool Read(uint64_t at, T* value) const {
    static_assert(std::is_trivially_copyable_v<T>);
    if (at + sizeof(T) > bytes_.size()) return false;
    std::memcpy(value, bytes_.data() + at, sizeof(T));
    return true;
  }
  bool Holds(uint64_t at, uint64_t size) const { return at <= bytes_.size() && size <= bytes_.size() - at; }
  std::string_view bytes() const { return bytes_; }
  // INVALID_ARGUMENT when more is taken than a sound file can give.
  Status Take(uint64_t size);

 private:
  const std::string_view bytes_;
  uint64_t budget_;
};

// One table. Errors are INVALID_ARGUMENT and name the field; an absent field has its default, or is empty.
class FlatTable {
 public:
  static StatusOr<FlatTable> Root(FlatBuffer& buffer);

  // Scalars; the buffer is little endian, as is every machine this is built for.
  template <typename T>
  StatusOr<T> Scalar(int field, std::string_view name, T absent) const {
    const uint64_t at = FieldAt(field);
    T value = absent;
    if (at != 0 && !buffer_->Read(at, &value)) return Outside(name);
    return value;
  }
  // Numbers, or structs of fixed size.
  template <typename T>
  StatusOr<std::vector<T>> Vector(int field, std::string_view name) const {
    VIGIL_ASSIGN_OR_RETURN(const Range range, Elements(field, name, sizeof(T)));
    VIGIL_RETURN_IF_ERROR(buffer_->Take(range.count * sizeof(T)));
    std::vector<T> values(range.count);
    if (range.count > 0) std::memcpy(values.data(), buffer_->bytes().data() + range.begin, range.count * sizeof(T));
    return values;
  }
  // The number of elements of a vector, without reading them.
  StatusOr<uint64_t> Count(int field, std::string_view name) const;
  StatusOr<std::string_view> Text(int field, std::string_view name) const;
  // A table within; nothing where it is absent is an error.
  StatusOr<FlatTable> Table(int field, std::string_view name) const;
  StatusOr<std::vector<FlatTable>> Tables(int field, std::string_view name) const;

 private:
  struct Range {
    uint64_t begin = 0, count = 0;
  };
  FlatTable(FlatBuffer& buffer, uint64_t at, uint64_t vtable, uint16_t vtable_bytes)
      : buffer_(&buffer), at_(at), vtable_(vtable), vtable_bytes_(vtable_bytes) {}
  static StatusOr<FlatTable> At(FlatBuffer& buffer, uint64_t at, std::string_view name);
  static Status Outside(std::string_view name);
  uint64_t FieldAt(int field) const;  // 0: absent
  StatusOr<Range> Elements(int field, std::string_view name, uint64_t element_bytes) const;
  // Where the offset stored at `at` leads.
  StatusOr<uint64_t> Follow(uint64_t at, std::string_view name) const;

  FlatBuffer* buffer_;
  uint64_t at_, vtable_;
  uint16_t vtable_bytes_;
};

}  // namespace vigil::trees
