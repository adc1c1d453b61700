#include "storage/table_text.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "storage/abandoned.h"

namespace vigil {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

void AppendFloat(std::string* out, const TableColumn& column, double value) {
  column.single ? AppendNumber(out, static_cast<float>(value)) : AppendNumber(out, value);
}

void AppendCsvText(std::string* out, const std::string& text) {
  // An empty text is quoted, to tell it from a missing one.
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos && text.front() != ' ' && text.back() != ' ') {
    out->append(text);
    return;
  }
  out->push_back('"');
  for (const char c : text) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

class TextTableWriter final : public TableWriter {
 public:
  TextTableWriter(std::string path, std::vector<TableColumn> columns, bool json)
      : path_(std::move(path)), temporary_(UnfinishedPath(path_)), columns_(std::move(columns)), json_(json) {}
  ~TextTableWriter() override {
    if (file_ == nullptr) return;
    std::fclose(file_);
    std::remove(temporary_.c_str());
  }

  Status Open() {
    file_ = std::fopen(temporary_.c_str(), "wbe");
    if (file_ == nullptr) return Failed("creating");
    if (!json_) AppendCsvHeader(&buffer_, columns_);
    return absl::OkStatus();
  }

  Status Write(const TableChunk& chunk) override {
    if (file_ == nullptr) return absl::FailedPreconditionError(absl::StrCat(path_, " is finished"));
    VIGIL_RETURN_IF_ERROR(CheckChunk(columns_, chunk));
    for (size_t row = 0; row < chunk.rows; ++row) {
      if (json_) {
        AppendJsonRow(&buffer_, columns_, chunk, row);
        buffer_.push_back('\n');
      } else {
        AppendCsvRow(&buffer_, columns_, chunk, row);
      }
      if (buffer_.size() >= kBufferBytes) VIGIL_RETURN_IF_ERROR(Drain());
    }
    return absl::OkStatus();
  }

  Status Finish() override {
    if (file_ == nullptr) return absl::FailedPreconditionError(absl::StrCat(path_, " is finished"));
    VIGIL_RETURN_IF_ERROR(Drain());
    if (std::fflush(file_) != 0) return Failed("writing");
    const int closed = std::fclose(std::exchange(file_, nullptr));
    if (closed == 0 && std::rename(temporary_.c_str(), path_.c_str()) == 0) return absl::OkStatus();
    const Status status = Failed("writing");
    std::remove(temporary_.c_str());
    return status;
  }

 private:
  Status Drain() {
    if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) return Failed("writing");
    buffer_.clear();
    return absl::OkStatus();
  }
  Status Failed(const char* doing) const {
    const int error = errno;
    const std::string message = absl::StrCat(doing, " ", path_, ": ", std::strerror(error));
    if (error == ENOENT) return absl::NotFoundError(message);
    return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(message) : absl::UnavailableError(message);
  }

  const std::string path_, temporary_;
  const std::vector<TableColumn> columns_;
  const bool json_;
  std::FILE* file_ = nullptr;
  std::string buffer_;
};

}  // namespace

double TableChunk::Number(size_t column, size_t row, const std::vector<TableColumn>& types) const {
  const Values& values = columns[column];
  if (values.valid[row] == 0) return std::numeric_limits<double>::quiet_NaN();
  switch (types[column].type) {
    case TableType::kFloat64: return values.doubles[row];
    case TableType::kBool:
    case TableType::kInt64:
    case TableType::kTime: return static_cast<double>(values.ints[row]);
    case TableType::kString: break;
  }
  const std::string& text = values.strings[row];
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : std::numeric_limits<double>::quiet_NaN();
}

void AppendCsvHeader(std::string* out, const std::vector<TableColumn>& columns) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendCsvText(out, columns[i].name);
  }
  out->push_back('\n');
}

void AppendCsvRow(std::string* out, const std::vector<TableColumn>& columns, const TableChunk& chunk, size_t row) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out->push_back(',');
    const TableChunk::Values& values = chunk.columns[i];
    if (values.valid[row] == 0) continue;
    switch (columns[i].type) {
      case TableType::kBool: out->append(values.ints[row] != 0 ? "true" : "false"); break;
      case TableType::kInt64: AppendNumber(out, values.ints[row]); break;
      case TableType::kFloat64: AppendFloat(out, columns[i], values.doubles[row]); break;
      case TableType::kTime: out->append(FormatTime(values.ints[row])); break;
      case TableType::kString: AppendCsvText(out, values.strings[row]); break;
    }
  }
  out->push_back('\n');
}

void AppendJsonRow(std::string* out, const std::vector<TableColumn>& columns, const TableChunk& chunk, size_t row) {
  out->push_back('{');
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(out, columns[i].name);
    out->push_back(':');
    const TableChunk::Values& values = chunk.columns[i];
    if (values.valid[row] == 0) {
      out->append("null");
      continue;
    }
    switch (columns[i].type) {
      case TableType::kBool: out->append(values.ints[row] != 0 ? "true" : "false"); break;
      case TableType::kInt64: AppendNumber(out, values.ints[row]); break;
      case TableType::kFloat64: {
        const bool finite = std::isfinite(values.doubles[row]);  // JSON has no form for the others: the word, in quotes
        if (!finite) out->push_back('"');
        AppendFloat(out, columns[i], values.doubles[row]);
        if (!finite) out->push_back('"');
        if (values.doubles[row] == 0 && std::signbit(values.doubles[row])) out->append(".0");  // many readers take -0 for the integer 0
        break;
      }
      case TableType::kTime: AppendJsonString(out, FormatTime(values.ints[row])); break;
      case TableType::kString: AppendJsonString(out, values.strings[row]); break;
    }
  }
  out->push_back('}');
}

Status CheckChunk(const std::vector<TableColumn>& columns, const TableChunk& chunk) {
  if (chunk.columns.size() != columns.size()) {
    return absl::InvalidArgumentError(absl::StrCat("a chunk of ", chunk.columns.size(), " columns for a table of ", columns.size()));
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    const TableChunk::Values& values = chunk.columns[i];
    const size_t cells = columns[i].type == TableType::kFloat64  ? values.doubles.size()
                         : columns[i].type == TableType::kString ? values.strings.size()
                                                                 : values.ints.size();
    if (cells != chunk.rows || values.valid.size() != chunk.rows) {
      return absl::InvalidArgumentError(absl::StrCat("column ", columns[i].name, " has ", cells, " values and ", values.valid.size(),
                                                     " validity marks for ", chunk.rows, " rows"));
    }
  }
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<TableWriter>> CreateTextTable(const std::string& path, const std::vector<TableColumn>& columns, bool json) {
  auto writer = std::make_unique<TextTableWriter>(path, columns, json);
  VIGIL_RETURN_IF_ERROR(writer->Open());
  return writer;
}

}  // namespace vigil
