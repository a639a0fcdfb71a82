// The dashboard's database beside the server: its thread's answers, and its figures.
#include "io/uv/log.h"
#include "io/uv/server.h"

namespace patronus::uv {

void Server::begin_database(DatabaseLock&& lock) {
  database_done_ = std::make_unique<Handle<uv_async_t>>();
  uv_async_init(loop_.get(), database_done_->get(),
                [](uv_async_t* handle) { Handle<uv_async_t>::call(handle); });
  database_done_->on([this] { on_database_done(); });
  database_ = std::make_unique<DatabaseWriter>(
      DatabaseWriter::Options{config_.database_path, config_.node_id, config_.database_check_interval,
                              limits::kDatabaseRetry},
      std::move(lock), [this] { uv_async_send(database_done_->get()); });
}

void Server::add_database_figures(ProcessFigures& figures) const {
  if (!database_) return;
  const DatabaseFigures now = database_->figures();
  figures.database = {static_cast<double>(now.bytes), static_cast<double>(now.transactions),
                      static_cast<double>(now.rebuilt)};
}

void Server::on_database_done() {
  while (std::optional<DatabaseWriter::Answer> answer = database_->take_answer()) {
    if (const auto* aside = std::get_if<DatabaseWriter::SetAside>(&*answer)) {
      log_line(LogLevel::kWarn, "database", aside->text);
    } else if (auto* report = std::get_if<DatabaseReport>(&*answer)) {
      driver_->database_report(std::move(*report));
    } else {
      driver_->projected(std::get<Projected>(*answer));
    }
    needs_flush_ = true;
  }
}

}  // namespace patronus::uv
