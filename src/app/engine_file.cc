#include "app/engine_file.h"

#include "storage/whole_file.h"

namespace vigil {

EngineFile::EngineFile(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {
  const StatusOr<std::string> text = ReadWholeFile(path_, trees::kEngineRecordsBytesMax);
  const std::string held = text.ok() ? *text : absl::IsNotFound(text.status()) ? "" : "unreadable";
  records_ = std::make_unique<trees::EngineRecords>(held, trees::EngineRecords::MachineName(),
                                                    [this](const trees::EngineRecords&) { return Save(); });
}

EngineFile::~EngineFile() { Flush().IgnoreError(); }

Status EngineFile::Save() {
  std::lock_guard lock(mutex_);
  pending_ = true;
  return clock_.MonotonicNs() < next_write_ns_ ? absl::OkStatus() : WritePending();
}

Status EngineFile::Flush() {
  std::lock_guard lock(mutex_);
  return WritePending();
}

Status EngineFile::WritePending() {
  if (!pending_) return absl::OkStatus();
  pending_ = false;
  next_write_ns_ = clock_.MonotonicNs() + kWriteEveryNs;
  return WriteFileAtomically(path_, records_->Text());
}

}  // namespace vigil
