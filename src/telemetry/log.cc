#include "telemetry/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>

#include "base/clock.h"
#include "base/text.h"

namespace vigil {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warning", "error", "off"};
constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err,
                                                 spdlog::level::off};

// The logger and how its lines look; replaced as a whole by StartLog.
struct Sink {
  std::shared_ptr<spdlog::logger> logger;
  LogFormat format = LogFormat::kText;
};

std::mutex sink_mutex;

Sink& CurrentSink() {
  static Sink sink = [] {
    auto logger = std::make_shared<spdlog::logger>("vigil", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%v");
    return Sink{std::move(logger), LogFormat::kText};
  }();
  return sink;
}

// Values with blanks, quotes or an equals sign are quoted, so that a line of text can be taken apart again.
void AppendTextValue(std::string* out, std::string_view value) {
  if (!value.empty() && value.find_first_of(" \t\r\n\"=\\") == std::string_view::npos) {
    out->append(value);
  } else {
    AppendJsonString(out, value);
  }
}

}  // namespace

std::string FormatLogLine(LogFormat format, std::string_view time, LogLevel level, std::string_view message,
                          std::initializer_list<LogField> fields) {
  const std::string_view name = kLevelNames[static_cast<size_t>(level)];
  std::string out;
  if (format == LogFormat::kJson) {
    out.append("{\"time\":");
    AppendJsonString(&out, time);
    out.append(",\"level\":\"").append(name).append("\",\"message\":");
    AppendJsonString(&out, message);
    for (const LogField& field : fields) {
      out.push_back(',');
      AppendJsonString(&out, field.name);
      out.push_back(':');
      AppendJsonString(&out, field.value);
    }
    out.push_back('}');
    return out;
  }
  out.append(time).append(" ").append(name).append(name.size() < 7 ? 8 - name.size() : 1, ' ');
  for (const char c : message) out.push_back(c == '\n' || c == '\r' ? ' ' : c);
  for (const LogField& field : fields) {
    out.append(" ").append(field.name).push_back('=');
    AppendTextValue(&out, field.value);
  }
  return out;
}

Status StartLog(const LogOptions& options) {
  try {
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, static_cast<size_t>(options.file_bytes_max),
                                                                    static_cast<size_t>(options.files_max));
    }
    auto logger = std::make_shared<spdlog::logger>("vigil", std::move(sink));
    logger->set_pattern("%v");
    logger->set_level(kLevels[static_cast<size_t>(options.level)]);
    logger->flush_on(spdlog::level::info);
    std::lock_guard lock(sink_mutex);
    CurrentSink() = {std::move(logger), options.format};
    return absl::OkStatus();
  } catch (const spdlog::spdlog_ex& error) {
    return absl::FailedPreconditionError(error.what());
  }
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  std::shared_ptr<spdlog::logger> logger;
  LogFormat format;
  {
    std::lock_guard lock(sink_mutex);
    logger = CurrentSink().logger;
    format = CurrentSink().format;
  }
  const spdlog::level::level_enum spd_level = kLevels[static_cast<size_t>(level)];
  if (!logger->should_log(spd_level)) return;
  const SystemClock clock;  // the log's own stamp is wall time whatever clock drives the models
  const std::string line = FormatLogLine(format, FormatTime(clock.NowUs()), level, message, fields);
  logger->log(spd_level, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace vigil
