// Every parser of rows and labels on arbitrary bytes: the first byte says which. What a parser accepts must keep the batch's invariants.
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/rows/csv.h"
#include "frontends/rows/json_rows.h"
#include "frontends/rows/label_rows.h"

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

void Check(const vigil::Status& status, const vigil::RowBatch& batch) {
  if (!status.ok()) return;
  const auto one_a_row = [&](size_t n) { return n == 0 || n == batch.rows; };
  if (batch.exact.size() != batch.rows * batch.exact_columns || batch.texts.size() != batch.rows * batch.text_columns) std::abort();
  if (batch.values.size() != batch.rows * batch.columns || !one_a_row(batch.ids.size()) || !one_a_row(batch.entities.size()) ||
      !one_a_row(batch.times.size()) || batch.errors.size() > vigil::kRowErrorsMax || batch.error_count < 0) {
    std::abort();
  }
  size_t bytes = 0;  // views must be readable
  for (const std::string_view text : batch.texts) bytes += std::string(text).size();
  for (const std::string_view id : batch.ids) bytes += std::string(id).size();
  for (const std::string_view entity : batch.entities) bytes += std::string(entity).size();
  for (const uint32_t row : batch.error_rows) {
    if (row >= batch.rows) std::abort();
  }
  if (bytes > size_t{1} << 40) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const vigil::ColumnIndex floats({"a", "b\"", "rate"}), mixed(MixedShape());
  static vigil::JsonRows json;
  if (size == 0) return 0;
  const vigil::ColumnIndex& columns = (data[0] & 0x80) != 0 ? mixed : floats;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  vigil::RowBatch batch;
  std::vector<uint32_t> absent;
  std::deque<std::string> arena;
  switch (data[0] % 10) {
    case 0: Check(json.Parse(body, columns, {}, &batch, &absent), batch); break;
    case 1: Check(json.Parse(body, columns, {vigil::JsonForm::kMlflow, vigil::UnknownColumns::kIgnore}, &batch, &absent), batch); break;
    case 2: Check(json.ParseLines(body, columns, {}, &batch, &absent), batch); break;
    case 3: (void)vigil::ParseNdjsonLabels(body); break;
    case 4: {
      vigil::CsvReader reader(body, &arena);
      Check(vigil::ParseCsvRows(reader, columns, vigil::UnknownColumns::kWarn, &batch, &absent), batch);
      break;
    }
    case 5: (void)vigil::ParseJsonLabels(body); break;
    case 6: Check(json.Parse(body, columns, {vigil::JsonForm::kVertex, vigil::UnknownColumns::kIgnore}, &batch, &absent), batch); break;
    case 7: Check(json.Parse(body, columns, {vigil::JsonForm::kAzure, vigil::UnknownColumns::kIgnore}, &batch, &absent), batch); break;
    case 8: {
      vigil::CsvReader reader(body, &arena);
      Check(vigil::ParseCsvRows(reader, columns, vigil::UnknownColumns::kIgnore, &batch, &absent, vigil::CsvHeader::kByLook), batch);
      break;
    }
    default: (void)vigil::ParseCsvLabels(body); break;
  }
  return 0;
}
