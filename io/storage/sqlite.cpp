#include "io/storage/sqlite.h"

namespace patronus::sqlite {

int Statement::prepare(sqlite3* connection, std::string_view sql) {
  sqlite3_stmt* made = nullptr;
  const int code = sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  statement_.reset(made);
  return code;
}

// An empty view may point nowhere, which would bind NULL.
void Statement::bind_blob(int at, std::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), at, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
}

void Statement::bind_text(int at, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), at, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}

void Statement::bind(int at, const Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    sqlite3_bind_int64(statement_.get(), at, *integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(statement_.get(), at, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    bind_text(at, *text);
  } else {
    sqlite3_bind_null(statement_.get(), at);
  }
}

int Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code != SQLITE_ROW) sqlite3_reset(statement_.get());
  return code;
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, size);
}

Value Statement::value(int column) const {
  sqlite3_stmt* const at = statement_.get();
  switch (sqlite3_column_type(at, column)) {
    case SQLITE_INTEGER:
      return int64_t{sqlite3_column_int64(at, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(at, column);
    case SQLITE_NULL:
      return std::monostate{};
    default:
      return std::string(blob(column));
  }
}

int run(sqlite3* connection, const std::string& sql) {
  return sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr);
}

int ask(sqlite3* connection, const std::string& sql, std::string& answer) {
  answer.clear();
  Statement statement;
  if (const int code = statement.prepare(connection, sql)) return code;
  const int code = statement.step();
  if (code == SQLITE_ROW) answer = statement.blob(0);
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

}  // namespace patronus::sqlite
