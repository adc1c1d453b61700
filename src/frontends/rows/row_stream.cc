#include "frontends/rows/row_stream.h"

#include <algorithm>
#include <cstring>

#include "frontends/words.h"

namespace vigil {

Status StreamText::More() {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ >= kStreamRowBytesMax) return absl::InvalidArgumentError(Concat("is longer than ", kStreamRowBytesMax >> 20, " MB"));
  // Twice as much each time, lest a long row be looked through again and again.
  const size_t wanted = std::max(kStreamPieceBytes, end_);
  if (buffer_.size() < end_ + wanted) buffer_.resize(end_ + wanted);
  VIGIL_ASSIGN_OR_RETURN(const size_t read, source_(buffer_.data() + end_, buffer_.size() - end_));
  end_ += read;
  ended_ = read == 0;
  return absl::OkStatus();
}

}  // namespace vigil
