// Streamed rows on arbitrary bytes: however they are cut into pieces, the same rows or the same error come of them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "frontends/rows/csv_stream.h"
#include "frontends/rows/json_stream.h"

namespace {

vigil::TableShape MixedShape() {
  vigil::Signature signature;
  signature.inputs = {{"a", vigil::DType::kFloat32, {-1}}, {"b\"", vigil::DType::kString, {-1}}, {"rate", vigil::DType::kFloat64, {-1}}};
  return vigil::TableShapeOf(signature);
}

std::string Everything(std::string_view text, size_t piece, bool csv) {
  static const vigil::ColumnIndex columns(MixedShape());
  const vigil::TextSource source = [text, piece](char* to, size_t bytes) mutable -> vigil::StatusOr<size_t> {
    const size_t n = std::min({bytes, piece, text.size()});
    std::memcpy(to, text.data(), n);
    text.remove_prefix(n);
    return n;
  };
  vigil::CsvStream lines(source);
  vigil::JsonStream objects(source, columns);
  std::string out;
  if (csv) {
    const auto header = lines.Header();
    if (!header.ok()) return std::string(header.status().message());
    if (header->size() < columns.size()) return "";
    lines.Choose(columns, {0, 1, 2});
  }
  vigil::RowBatch batch;
  for (;;) {
    const vigil::Status read = csv ? lines.Next(&batch) : objects.Next(&batch);
    if (!read.ok()) return std::string(read.message());
    if (batch.rows == 0) return out;
    if (batch.rows > vigil::kStreamRowsMax || batch.error_count != 0 || batch.values.size() != batch.rows * columns.size() ||
        batch.exact.size() != batch.rows || batch.texts.size() != batch.rows) {
      std::abort();
    }
    for (size_t r = 0; r < batch.rows; ++r) {
      out.append(reinterpret_cast<const char*>(&batch.values[3 * r]), 3 * sizeof(float));
      out.append(reinterpret_cast<const char*>(&batch.exact[r]), sizeof(double));
      out.append(batch.texts[r]);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const bool csv = (data[0] & 1) != 0;
  if (Everything(text, size, csv) != Everything(text, size_t{data[1]} + 1, csv)) std::abort();
  return 0;
}
