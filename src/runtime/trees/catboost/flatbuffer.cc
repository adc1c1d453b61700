#include "runtime/trees/catboost/flatbuffer.h"

#include "runtime/cat.h"

namespace vigil::trees {

Status FlatBuffer::Take(uint64_t size) {
  if (size > budget_) return absl::InvalidArgumentError("the file names its own parts more often than it has bytes for");
  budget_ -= size;
  return absl::OkStatus();
}

Status FlatTable::Outside(std::string_view name) { return absl::InvalidArgumentError(Cat(name, ": lies outside the file")); }

StatusOr<FlatTable> FlatTable::At(FlatBuffer& buffer, uint64_t at, std::string_view name) {
  int32_t back = 0;  // from the table to its vtable, backwards
  if (!buffer.Read(at, &back)) return Outside(name);
  const int64_t vtable = static_cast<int64_t>(at) - back;
  uint16_t vtable_bytes = 0;
  if (vtable < 0 || !buffer.Read(static_cast<uint64_t>(vtable), &vtable_bytes)) return Outside(name);
  if (vtable_bytes < 4 || vtable_bytes % 2 != 0 || !buffer.Holds(static_cast<uint64_t>(vtable), vtable_bytes)) return Outside(name);
  return FlatTable(buffer, at, static_cast<uint64_t>(vtable), vtable_bytes);
}

StatusOr<FlatTable> FlatTable::Root(FlatBuffer& buffer) {
  uint32_t at = 0;
  if (!buffer.Read(0, &at)) return Outside("the root table");
  return At(buffer, at, "the root table");
}

uint64_t FlatTable::FieldAt(int field) const {
  const uint64_t entry = 4 + 2 * static_cast<uint64_t>(field);
  uint16_t offset = 0;
  if (entry + 2 > vtable_bytes_ || !buffer_->Read(vtable_ + entry, &offset) || offset == 0) return 0;
  return at_ + offset;
}

StatusOr<uint64_t> FlatTable::Follow(uint64_t at, std::string_view name) const {
  uint32_t offset = 0;
  if (!buffer_->Read(at, &offset)) return Outside(name);
  return at + offset;
}

StatusOr<FlatTable::Range> FlatTable::Elements(int field, std::string_view name, uint64_t element_bytes) const {
  const uint64_t entry = FieldAt(field);
  if (entry == 0) return Range();
  VIGIL_ASSIGN_OR_RETURN(const uint64_t at, Follow(entry, name));
  uint32_t count = 0;
  if (!buffer_->Read(at, &count) || !buffer_->Holds(at + 4, count * element_bytes)) return Outside(name);
  return Range{at + 4, count};
}

StatusOr<uint64_t> FlatTable::Count(int field, std::string_view name) const {
  VIGIL_ASSIGN_OR_RETURN(const Range range, Elements(field, name, 1));
  return range.count;
}

StatusOr<std::string_view> FlatTable::Text(int field, std::string_view name) const {
  VIGIL_ASSIGN_OR_RETURN(const Range range, Elements(field, name, 1));
  return range.count == 0 ? std::string_view() : buffer_->bytes().substr(range.begin, range.count);
}

StatusOr<FlatTable> FlatTable::Table(int field, std::string_view name) const {
  const uint64_t entry = FieldAt(field);
  if (entry == 0) return absl::InvalidArgumentError(Cat(name, ": is missing"));
  VIGIL_ASSIGN_OR_RETURN(const uint64_t at, Follow(entry, name));
  return At(*buffer_, at, name);
}

StatusOr<std::vector<FlatTable>> FlatTable::Tables(int field, std::string_view name) const {
  VIGIL_ASSIGN_OR_RETURN(const Range range, Elements(field, name, 4));
  VIGIL_RETURN_IF_ERROR(buffer_->Take(range.count * 4));
  std::vector<FlatTable> tables;
  tables.reserve(range.count);
  for (uint64_t i = 0; i < range.count; ++i) {
    const std::string place = Cat(name, "[", i, "]");
    VIGIL_ASSIGN_OR_RETURN(const uint64_t at, Follow(range.begin + 4 * i, place));
    VIGIL_ASSIGN_OR_RETURN(const FlatTable table, At(*buffer_, at, place));
    tables.push_back(table);
  }
  return tables;
}

}  // namespace vigil::trees
