#include "frontends/rows/json_stream.h"

#include <algorithm>
#include <cstring>

#include "frontends/errors.h"
#include "frontends/words.h"

namespace vigil {

Status JsonStream::Next(RowBatch* batch) {
  text_.Take(std::exchange(taken_, 0));
  const auto lines_max =
      static_cast<int64_t>(std::clamp<size_t>(kStreamCellsMax / std::max<size_t>(columns_.size(), 1), 1, kStreamRowsMax));
  for (;;) {
    const std::string_view text = text_.text();
    size_t whole = 0;
    int64_t lines = 0;
    while (lines < lines_max && whole < text.size()) {
      const size_t newline = text.find('\n', whole);
      if (newline == std::string_view::npos && !text_.ended()) break;
      whole = newline == std::string_view::npos ? text.size() : newline + 1;
      ++lines;
    }
    if (lines == 0 && !text_.ended()) {
      if (const Status more = text_.More(); !more.ok()) {
        return absl::IsInvalidArgument(more) ? absl::InvalidArgumentError(Concat("line ", line_, ": the object ", MessageOf(more))) : more;
      }
      continue;
    }
    JsonLinesOptions options;
    options.first_line = line_;
    options.lenient = true;
    if (std::exchange(first_, false)) options.unknown = &unknown_;
    if (const Status read = rows_.ParseLines(text.substr(0, whole), columns_, options, batch, &absent_); !read.ok()) {
      return absl::InvalidArgumentError(Concat(PathOf(read), ": ", MessageOf(read)));
    }
    taken_ = whole;
    line_ += lines;
    if (batch->rows == 0) {
      if (lines == 0) return absl::OkStatus();
      text_.Take(std::exchange(taken_, 0));
      continue;
    }
    size_t next_absent = 0;
    for (size_t c = 0; c < seen_.size(); ++c) {
      if (next_absent < absent_.size() && absent_[next_absent] == c) {
        ++next_absent;
      } else {
        seen_[c] = 1;
      }
    }
    return absl::OkStatus();
  }
}

}  // namespace vigil
