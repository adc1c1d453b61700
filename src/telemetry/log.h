// The process's own log, for people and log collectors: one line an event, to standard error or a file. Not the prediction log.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat : uint8_t {
  kText,  // 2026-01-31T12:00:00.123456Z info  model loaded model=fraud version=3
  kJson,  // {"time":"...","level":"info","message":"model loaded","model":"fraud","version":"3"}
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string file;                   // empty: standard error
  int64_t file_bytes_max = 64 << 20;  // then rotate ...
  int64_t files_max = 5;              // ... keeping so many
};

struct LogField {
  std::string_view name;
  std::string value;
};

// Before other threads log. FAILED_PRECONDITION when the file cannot be opened (the log then stays as it was).
Status StartLog(const LogOptions& options);

// Any thread. Never throws; a line that cannot be written is lost.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
inline void LogInfo(std::string_view message, std::initializer_list<LogField> fields = {}) { Log(LogLevel::kInfo, message, fields); }
inline void LogWarning(std::string_view message, std::initializer_list<LogField> fields = {}) { Log(LogLevel::kWarning, message, fields); }
inline void LogError(std::string_view message, std::initializer_list<LogField> fields = {}) { Log(LogLevel::kError, message, fields); }

// The line that Log would write, without its end: for tests and for other sinks.
std::string FormatLogLine(LogFormat format, std::string_view time, LogLevel level, std::string_view message,
                          std::initializer_list<LogField> fields);

}  // namespace vigil
