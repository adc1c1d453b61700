// The serving thread's side: counts in dense arrays while a turn lasts, hands them over packed at its end.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/published.h"
#include "monitoring/count_layout.h"
#include "monitoring/monitor.h"

namespace vigil {

// By slot; null where no version has the slot.
using LayoutTable = std::vector<std::shared_ptr<const CountLayout>>;

// Between one writer and the merger. The writer only ever tries the lock; what it cannot hand over it keeps.
struct Mailbox {
  std::mutex mutex;
  std::string sealed;        // of one writer, in order; see AppendSealed in sketch.cc
  int64_t rows_unknown = 0;  // rows of slots that no version has
  int64_t rows_shed = 0;     // rows that found no room
};

// One sealed window of one thread, as the merger reads it.
struct SealedWindow {
  uint32_t slot = 0;
  uint32_t arm = 0;
  int64_t minute = 0;
};
// Takes the head of a sealed window off `in`; its packed counts follow (AddPacked).
bool TakeSealedHead(std::string_view* in, SealedWindow* head);

class SketchWriter final : public MonitorWriter {
 public:
  // `layouts` outlives the writer.
  SketchWriter(const Published<LayoutTable>& layouts, std::shared_ptr<Mailbox> mailbox, const MonitorOptions& options);
  ~SketchWriter() override;  // hands over what is left, waiting for the lock

  void Observe(const Observation& row) override;
  float OutlierScore(uint32_t slot, absl::Span<const float> features) const override;
  bool Seal() override;

 private:
  struct Open {
    uint32_t slot = 0;
    uint32_t arm = 0;
    int64_t minute = 0;
    std::shared_ptr<const CountLayout> layout;
    std::vector<uint32_t> counts;
    std::vector<int64_t> sums;
  };
  Open& Find(uint32_t slot, uint32_t arm, int64_t minute, const std::shared_ptr<const CountLayout>& layout);
  void Pack(Open* window);

  const size_t windows_max_;
  const size_t bytes_max_;
  mutable Published<LayoutTable>::Reader layouts_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::vector<std::unique_ptr<Open>> open_;  // the first `open_count_` are in use
  size_t open_count_ = 0;
  size_t last_ = 0;  // where the last row was
  std::string sealed_;
  int64_t rows_unknown_ = 0;
  int64_t rows_shed_ = 0;
};

}  // namespace vigil
