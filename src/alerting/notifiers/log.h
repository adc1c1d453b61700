// Alerts as lines of the server's own log.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "alerting/alerting.h"

namespace vigil {

// `sink` takes one line without its end; it must not block for long.
class LogNotifier final : public Notifier {
 public:
  using Sink = std::function<void(Severity severity, std::string_view line)>;
  explicit LogNotifier(Sink sink) : sink_(std::move(sink)) {}
  std::string_view name() const override { return "log"; }
  Status Notify(const std::vector<Alert>& group, bool resolved) override;

 private:
  const Sink sink_;
};

}  // namespace vigil
