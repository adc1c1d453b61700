// What of a running server's configuration can change without a restart, and what waits for one.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace vigil {

// Settings by name, "alerts.rules" or "models.fraud.gate", that differ between two effective configurations.
struct SettingsChange {
  std::vector<std::string> live;     // taken over by a running server
  std::vector<std::string> restart;  // wait for the next start: sockets, log, windows, which models are served and from where
};

// Pure. Both are EffectiveSettings::value.
SettingsChange CompareSettings(const Json& before, const Json& after);

// `before` with what is live in `after`: what a server runs by once it has taken `after` over.
Json WithLiveSettings(const Json& before, const Json& after);

}  // namespace vigil
