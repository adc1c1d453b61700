// Rows of text that comes piece by piece, in bounded memory: what scores files reads them with. Unlike a request's rows these are not
// judged: in a column of numbers a text that is none is missing, in a column of texts a number is its text.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontends/rows/columns.h"

namespace vigil {

inline constexpr size_t kStreamRowsMax = 2048;           // a batch
inline constexpr size_t kStreamCellsMax = 1 << 20;       // a batch, but for its first row
inline constexpr size_t kStreamRowBytesMax = 16 << 20;   // a row's text, and at most a piece more
inline constexpr size_t kStreamPieceBytes = 256 * 1024;  // asked for at once

// Puts up to `bytes` at `to`. Returns how many; 0 at the end.
using TextSource = std::function<StatusOr<size_t>(char* to, size_t bytes)>;

// Text that was read and not yet taken. Grows to one row of kStreamRowBytesMax.
class StreamText {
 public:
  explicit StreamText(TextSource source) : source_(std::move(source)) {}
  // Views hold until Take or More.
  std::string_view text() const { return std::string_view(buffer_.data() + begin_, end_ - begin_); }
  bool ended() const { return ended_; }
  void Take(size_t bytes) { begin_ += bytes; }
  // Reads on behind what is there. INVALID_ARGUMENT: that is a row too long.
  Status More();

 private:
  const TextSource source_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
  bool ended_ = false;
};

// One thread. INVALID_ARGUMENT of a call names the line.
class RowStream {
 public:
  virtual ~RowStream() = default;
  // The next rows; none at the end. Views in `batch` hold until the next call.
  virtual Status Next(RowBatch* batch) = 0;
};

}  // namespace vigil
