#include "cli/row_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "frontends/rows/csv_stream.h"
#include "frontends/rows/json_stream.h"
#include "storage/model_columns.h"
#include "storage/tables.h"

namespace vigil::cli {
namespace {

class TableSource final : public RowSource {
 public:
  TableSource(const TableShape& shape, std::unique_ptr<TableReader> reader, std::vector<size_t> at)
      : reader_(std::move(reader)), rows_(shape, reader_->columns(), std::move(at)) {}
  StatusOr<TableRows> Next() override {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader_->Next(&chunk_));
    if (!more) chunk_.rows = 0;
    return rows_.Fill(chunk_);
  }

 private:
  const std::unique_ptr<TableReader> reader_;
  ModelRows rows_;
  TableChunk chunk_;
};

StatusOr<std::unique_ptr<RowSource>> OpenTableRows(const std::vector<std::string>& files, const TableShape& shape) {
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<TableReader> reader, OpenModelTable(files, shape));
  VIGIL_ASSIGN_OR_RETURN(std::vector<size_t> at, FindModelColumns(shape, reader->columns(), files[0], Positions::kExact));
  return std::make_unique<TableSource>(shape, std::move(reader), std::move(at));
}

// A file that is read once, from its beginning to its end.
class OpenFile {
 public:
  static StatusOr<std::shared_ptr<OpenFile>> Open(const std::string& path, const std::function<Status()>& stopped) {
    for (;;) {
      const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (descriptor >= 0) return std::make_shared<OpenFile>(descriptor, path, stopped);
      if (errno == EINTR) {  // a pipe that nobody writes to yet
        VIGIL_RETURN_IF_ERROR(stopped());
        continue;
      }
      const int error = errno;
      const std::string message = absl::StrCat(path, ": ", std::strerror(error));
      return error == ENOENT ? absl::NotFoundError(message) : absl::InvalidArgumentError(message);
    }
  }
  OpenFile(int descriptor, std::string path, std::function<Status()> stopped)
      : descriptor_(descriptor), path_(std::move(path)), stopped_(std::move(stopped)) {
    posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~OpenFile() { close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  StatusOr<size_t> Read(char* to, size_t bytes) {
    for (;;) {
      const ssize_t got = read(descriptor_, to, bytes);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) return absl::UnavailableError(absl::StrCat("reading: ", std::strerror(errno)));
      VIGIL_RETURN_IF_ERROR(stopped_());
    }
  }

 private:
  const int descriptor_;
  const std::string path_;
  const std::function<Status()> stopped_;
};

// Files of one text format, one after the other.
class TextSourceRows final : public RowSource {
 public:
  TextSourceRows(std::vector<std::string> files, bool csv, const TableShape& shape, const std::function<Status()>& stopped)
      : files_(std::move(files)), csv_(csv), columns_(shape), stopped_(stopped), seen_(shape.names.size(), 0) {}

  // Opens the first file, so that what is wrong with its header is known at once.
  Status Open() { return OpenNext(); }

  StatusOr<TableRows> Next() override {
    for (;;) {
      if (const Status read = stream_->Next(&batch_); !read.ok()) return InFile(read);
      if (batch_.rows != 0) break;
      VIGIL_RETURN_IF_ERROR(EndFile());
      if (next_ == files_.size()) break;
      VIGIL_RETURN_IF_ERROR(OpenNext());
    }
    return batch_.table(columns_.shape());
  }

 private:
  Status OpenNext() {
    VIGIL_ASSIGN_OR_RETURN(const std::shared_ptr<OpenFile> file, OpenFile::Open(files_[next_++], stopped_));
    TextSource source = [file](char* to, size_t bytes) { return file->Read(to, bytes); };
    json_ = nullptr;
    if (!csv_) {
      auto stream = std::make_unique<JsonStream>(std::move(source), columns_);
      json_ = stream.get();
      stream_ = std::move(stream);
      return absl::OkStatus();
    }
    auto stream = std::make_unique<CsvStream>(std::move(source));
    const StatusOr<std::vector<std::string>> header = stream->Header();
    if (!header.ok()) return InFile(header.status());
    std::vector<TableColumn> table;
    for (const std::string& name : *header) table.push_back({name, TableType::kString});
    VIGIL_ASSIGN_OR_RETURN(const std::vector<size_t> at, FindModelColumns(columns_.shape(), table, files_[next_ - 1], Positions::kExact));
    stream->Choose(columns_, at);
    stream_ = std::move(stream);
    return absl::OkStatus();
  }

  // After a file's last row, of all files after the last one's: which columns there were.
  Status EndFile() {
    if (json_ == nullptr) return absl::OkStatus();
    for (size_t c = 0; c < seen_.size(); ++c) seen_[c] |= json_->seen()[c];
    if (next_ < files_.size()) return absl::OkStatus();
    std::vector<TableColumn> table;
    for (size_t c = 0; c < seen_.size(); ++c) {
      if (seen_[c] != 0) table.push_back({columns_.names()[c]});
    }
    for (const std::string& name : json_->unknown()) table.push_back({name});
    return FindModelColumns(columns_.shape(), table, files_[0], Positions::kExact).status();
  }

  Status InFile(const Status& status) const {
    return status.ok() || absl::IsCancelled(status) ? status
                                                    : Status(status.code(), absl::StrCat(files_[next_ - 1], ": ", status.message()));
  }

  const std::vector<std::string> files_;
  const bool csv_;
  const ColumnIndex columns_;
  const std::function<Status()> stopped_;
  size_t next_ = 0;  // file to open
  std::unique_ptr<RowStream> stream_;
  const JsonStream* json_ = nullptr;  // `stream_`, when it is one
  std::vector<uint8_t> seen_;
  RowBatch batch_;
};

// Whether our own parsers read `files`: see OpenRows.
bool IsPlainText(const std::vector<std::string>& files, const TableShape& shape, bool* csv) {
  if (files.empty() || shape.names.empty()) return false;
  std::vector<std::string> names = shape.names;
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end()) return false;  // of one name: the table's column is read twice
  std::string format;
  for (const std::string& file : files) {
    const StatusOr<std::string> its = TableFormat(file);
    if (!its.ok() || (!format.empty() && format != *its)) return false;
    format = *its;
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored) || std::filesystem::is_directory(file, ignored)) return false;
    if (std::filesystem::path(file).parent_path().string().find('=') != std::string::npos) return false;  // perhaps a Hive partition
  }
  *csv = format == "csv";
  return *csv || (format == "ndjson" && shape.named);
}

}  // namespace

StatusOr<std::unique_ptr<RowSource>> OpenRows(const std::vector<std::string>& files, const TableShape& shape,
                                              const std::function<Status()>& stopped) {
  bool csv = false;
  if (!IsPlainText(files, shape, &csv)) return OpenTableRows(files, shape);
  auto source = std::make_unique<TextSourceRows>(files, csv, shape, stopped);
  VIGIL_RETURN_IF_ERROR(source->Open());
  return source;
}

}  // namespace vigil::cli
