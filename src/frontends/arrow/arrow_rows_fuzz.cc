// Any bytes as a body in Arrow's stream format: never a read outside the body, and of what is accepted every cell is there.
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/arrow/arrow_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const vigil::ColumnIndex columns = [] {
    vigil::Signature signature;
    signature.inputs = {{"a", vigil::DType::kFloat32, {-1}},
                        {"s", vigil::DType::kString, {-1}},
                        {"rate", vigil::DType::kFloat64, {-1}},
                        {"n", vigil::DType::kInt64, {-1}}};
    return vigil::ColumnIndex(vigil::TableShapeOf(signature));
  }();
  // In memory of exactly its size, at an address that no one may count on.
  std::vector<char> body(size + 1);
  if (size > 0) std::copy(data, data + size, body.begin() + 1);
  vigil::RowBatch batch;
  std::vector<uint32_t> absent;
  std::deque<std::string> texts;
  const vigil::Status status =
      vigil::ParseArrowRows(std::string_view(body.data() + 1, size), columns, vigil::UnknownColumns::kWarn, &texts, &batch, &absent);
  if (!status.ok()) {
    if (status.message().empty()) std::abort();
    return 0;
  }
  const auto one_a_row = [&](size_t n) { return n == 0 || n == batch.rows; };
  if (batch.rows > vigil::kRowsMax || batch.values.size() != batch.rows * batch.columns || batch.texts.size() != batch.rows ||
      batch.exact.size() != batch.rows * 2 || !one_a_row(batch.ids.size()) || !one_a_row(batch.entities.size()) ||
      !one_a_row(batch.times.size())) {
    std::abort();
  }
  size_t bytes = 0;
  for (const std::string_view text : batch.texts) bytes += std::string(text).size();
  for (const std::string_view id : batch.ids) bytes += std::string(id).size();
  for (const std::string_view entity : batch.entities) bytes += std::string(entity).size();
  if (bytes > size_t{1} << 40) std::abort();
  return 0;
}
