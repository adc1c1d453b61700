// Whatever the fixed-schema parser accepts, the general parser accepts and reads alike.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "frontends/rows/fast_rows.h"
#include "frontends/rows/json_rows.h"

namespace {

// Columns of every store.
vigil::TableShape MixedShape() {
  vigil::Signature signature;
  signature.inputs = {{"a", vigil::DType::kFloat32, {-1}},
                      {"b\"", vigil::DType::kString, {-1}},
                      {"rate", vigil::DType::kFloat64, {-1}},
                      {"n", vigil::DType::kInt64, {-1, 2}}};
  return vigil::TableShapeOf(signature);
}

void Compare(std::string_view body, const vigil::ColumnIndex& columns) {
  static vigil::JsonRows json;
  static vigil::RowBatch fast, slow;
  if (!vigil::ParseFastRows(body, columns, &fast)) return;
  std::vector<uint32_t> absent;
  if (!json.Parse(body, columns, {}, &slow, &absent).ok() || !absent.empty() || slow.error_count != 0) std::abort();
  const auto same = [](const auto& a, const auto& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0;
  };
  if (fast.rows != slow.rows || fast.ids != slow.ids || fast.entities != slow.entities || fast.times != slow.times ||
      fast.texts != slow.texts || !same(fast.values, slow.values) || !same(fast.exact, slow.exact)) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const vigil::ColumnIndex floats({"a", "b\"", "rate"}), mixed(MixedShape());
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Compare(body, floats);
  Compare(body, mixed);
  return 0;
}
