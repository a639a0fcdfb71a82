// /api/v1/backup: how the copies of this node's database off site stand, as its side process says; and what
// that process is asked for.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "io/api/problem.h"
#include "io/api/router.h"
#include "io/backup/mailbox.h"
#include "io/metrics/metrics.h"

namespace patronus::api {

// What a node knows of its backup.
struct BackupView {
  bool has_database = false;             // without one there is nothing to copy
  std::optional<backup::Report> report;  // the last one that came; nothing: none ever did
};

[[nodiscard]] BackupFigures backup_figures(const BackupView& view, int64_t now_ms);

// 200, whatever it has to say.
[[nodiscard]] http::Response backup_status_response(const BackupView& view, const std::string& node,
                                                    int64_t now_ms);

// The requests that POST .../now and .../verify make of `last`, with the number of the one that was asked for
// raised; or why not: nobody is there to do it.
[[nodiscard]] std::variant<backup::Requests, Problem> ask_backup(Route route, const BackupView& view,
                                                                 const backup::Requests& last,
                                                                 int64_t now_ms);
// 202 with the request's number, by which GET status tells when it is done.
[[nodiscard]] http::Response backup_asked_response(uint64_t request);

}  // namespace patronus::api
