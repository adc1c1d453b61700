// Whatever the fixed-schema parser accepts, the general parser accepts and reads alike.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "frontends/rows/fast_rows.h"
#include "frontends/rows/json_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const vigil::ColumnIndex columns({"a", "b\"", "rate"});
  static vigil::JsonRows json;
  static vigil::RowBatch fast, slow;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (!vigil::ParseFastRows(body, columns, &fast)) return 0;
  std::vector<uint32_t> absent;
  if (!json.Parse(body, columns, {}, &slow, &absent).ok() || !absent.empty() || slow.error_count != 0) std::abort();
  if (fast.rows != slow.rows || fast.values.size() != slow.values.size() || fast.ids != slow.ids || fast.entities != slow.entities ||
      fast.times != slow.times || std::memcmp(fast.values.data(), slow.values.data(), fast.values.size() * sizeof(float)) != 0) {
    std::abort();
  }
  return 0;
}
