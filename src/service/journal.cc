#include "service/journal.h"

namespace vigil {

void Journal::Record(const std::string& model, const std::string& kind, const std::string& subject, const std::string& summary,
                     const std::string& by, TimeUs now, const std::string& detail) {
  TimelineEvent event;
  event.time = now != 0 ? now : clock_.NowUs();
  event.model = model;
  event.kind = kind;
  event.subject = subject;
  event.summary = summary;
  event.by = by;
  event.detail = detail;
  if (!catalog_.Apply({}, {event}).ok()) lost_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace vigil
