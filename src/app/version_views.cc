#include "app/version_views.h"

namespace vigil {

LogSchema LogSchemaOf(const ServedVersion& version) {
  LogSchema schema;
  schema.model = version.facts.model;
  schema.version = version.facts.version;
  const TableShape& shape = version.loaded->table();
  schema.columns = shape.names;
  schema.outputs = ElementNames("prediction", shape.score.width, {});
  if (!shape.matrix) {
    for (const ModelColumn& column : shape.columns) schema.types.push_back(column.dtype);
  }
  if (!shape.single_output) {
    for (const AnswerColumn& answer : shape.answers) {
      schema.answers.push_back(answer.name);
      schema.answer_types.push_back(answer.dtype);
    }
  }
  if (version.schema != nullptr) {
    for (const ColumnRule& rule : version.schema->columns) schema.redacted.push_back(rule.sensitive ? 1 : 0);
  }
  return schema;
}

MonitoredVersion MonitoredVersionOf(const ServedVersion& version, uint32_t log_schema) {
  const TableShape& shape = version.loaded->table();
  MonitoredVersion monitored;
  monitored.model = version.facts.model;
  monitored.version = version.facts.version;
  monitored.slot = version.slot;
  monitored.log_schema = log_schema;
  monitored.task = shape.score.task;
  monitored.output_width = shape.score.width;
  monitored.columns = shape.names;
  monitored.reference = version.reference;
  return monitored;
}

}  // namespace vigil
