// Labels on disk, as they came: checksummed frames in STATE/log/labels-*.log. The truth from which the label index is rebuilt.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "storage/file_system.h"
#include "storage/log_format.h"

namespace vigil {

// One thread at a time.
class LabelLog {
 public:
  struct Position {
    uint32_t number = 0;  // of the file
    int64_t offset = 0;
  };
  LabelLog(FileSystem& files, std::string directory, int64_t file_bytes_max)
      : files_(files), directory_(std::move(directory)), file_bytes_max_(file_bytes_max) {}

  // `repair`: cuts the last file's torn tail and makes ready to append.
  Status Open(bool repair, TimeUs now);
  // Durable when it returns OK. RESOURCE_EXHAUSTED when the disk refuses; nothing counts as written then.
  Status Append(const std::vector<LabelEntry>& entries, TimeUs now);
  // After the last label.
  Position end() const { return end_; }
  // Labels from `from` on, oldest first.
  Status Replay(Position from, const std::function<void(const LabelEntry&)>& visit) const;
  // Removes the oldest files while `needed` says no to every label in them.
  Status Retire(const std::function<bool(PredictionId)>& needed);
  // DATA_LOSS names the first bad byte. A torn tail of the last file is no damage before Open has cut it.
  Status Verify() const;

 private:
  std::string PathOf(uint32_t number) const;
  Status StartFile(uint32_t number, TimeUs now);

  FileSystem& files_;
  const std::string directory_;
  const int64_t file_bytes_max_;
  std::vector<uint32_t> numbers_;  // rising
  std::unique_ptr<WritableFile> file_;
  bool suspect_ = false;  // a sync failed: go on in a new file
  Position end_;
};

}  // namespace vigil
