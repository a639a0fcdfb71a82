#include "io/backup/restore_lost.h"

#include <algorithm>
#include <cstdio>

#include "io/backup/database_view.h"
#include "io/backup/litestream.h"
#include "io/backup/objects.h"
#include "io/backup/states.h"
#include "io/config/time_text.h"
#include "io/storage/file.h"

namespace patronus::backup {
namespace {

struct Best {
  NodeId node;
  DatabaseMeta meta;
  std::string path;
};

class Restoring {
 public:
  explicit Restoring(const RestoreLost& wanted)
      : wanted_(wanted), target_(wanted.source.target), objects_(open_objects(wanted.source.target)) {}

  std::variant<RestoredLost, std::string> run() {
    if (Fault fault = find_cluster()) return std::move(*fault);
    if (Fault fault = find_nodes()) return std::move(*fault);
    for (const NodeId& node : nodes_) {
      if (Fault fault = look_at(node)) wanted_.say(node + " is passed over: " + *fault);
    }
    if (!best_)
      return "nothing of cluster " + cluster_.hex() + " can be restored from " + target_.url() +
             (wanted_.at_ms ? " as of " + format_time(*wanted_.at_ms) : "");
    return found();
  }

 private:
  // The one that was named, or the only one there is.
  Fault find_cluster() {
    if (wanted_.source.cluster) {
      cluster_ = *wanted_.source.cluster;
      return std::nullopt;
    }
    if (!objects_) return target_.url() + " can't be listed; say which cluster: --cluster ID";
    std::variant<Listing, std::string> listed = objects_->list("");
    if (auto* failed = std::get_if<std::string>(&listed)) return std::move(*failed);
    std::vector<std::string> there;
    for (const std::string& folder : std::get<Listing>(listed).folders) {
      if (parse_cluster_id(folder)) there.push_back(folder);
    }
    if (there.empty()) return "no cluster has a backup at " + target_.url();
    if (there.size() > 1) {
      std::string names;
      for (const std::string& one : there) names += (names.empty() ? "" : ", ") + one;
      return "several clusters have backups at " + target_.url() + "; say which: --cluster ID, of " + names;
    }
    cluster_ = *parse_cluster_id(there.front());
    return std::nullopt;
  }

  Fault find_nodes() {
    nodes_ = wanted_.nodes;
    if (!nodes_.empty()) return std::nullopt;
    if (!objects_)
      return target_.url() + " can't be listed; name the nodes whose backups are there: --node ID";
    std::variant<Listing, std::string> listed = objects_->list(cluster_.hex());
    if (auto* failed = std::get_if<std::string>(&listed)) return std::move(*failed);
    for (const std::string& folder : std::get<Listing>(listed).folders) {
      if (is_node_id(folder)) nodes_.push_back(folder);
    }
    if (nodes_.empty()) return "cluster " + cluster_.hex() + " has no backup at " + target_.url();
    return std::nullopt;
  }

  // Restores the node's database and keeps it if it is the furthest so far. The reason why not.
  Fault look_at(const NodeId& node) {
    Shipped shipped;
    shipped.program = wanted_.litestream;
    shipped.target = target_;
    shipped.path = node_path(cluster_, node);
    shipped.scratch = wanted_.scratch;
    const auto applied_ms = [&](const std::string& copy) -> std::variant<int64_t, std::string> {
      std::variant<DatabaseMeta, std::string> meta = meta_of(copy);
      if (auto* failed = std::get_if<std::string>(&meta)) return std::move(*failed);
      return std::get<DatabaseMeta>(meta).stamp.wall_ms;
    };
    std::variant<std::optional<std::string>, std::string> copy =
        wanted_.at_ms ? restore_at(shipped, *wanted_.at_ms, applied_ms) : restore_latest(shipped);
    if (auto* failed = std::get_if<std::string>(&copy)) return std::move(*failed);
    const auto& path = std::get<std::optional<std::string>>(copy);
    if (!path) return wanted_.at_ms ? "it has no backup from so early" : "it has no backup";
    std::variant<DatabaseMeta, std::string> meta = meta_of(*path);
    if (auto* failed = std::get_if<std::string>(&meta)) return std::move(*failed);
    const auto& found = std::get<DatabaseMeta>(meta);
    if (found.cluster != cluster_) return "its database is of cluster " + found.cluster.hex();
    wanted_.say(node + " has entry " + std::to_string(found.applied.value) + ", of " +
                format_time(found.stamp.wall_ms));
    if (best_ && best_->meta.applied >= found.applied) return std::nullopt;
    const std::string kept = wanted_.scratch + "/best.db";
    if (std::rename(path->c_str(), kept.c_str()) != 0) return error_text("create", kept);
    best_ = Best{node, found, kept};
    return std::nullopt;
  }

  static std::variant<DatabaseMeta, std::string> meta_of(const std::string& path) {
    std::variant<DatabaseView, std::string> opened = DatabaseView::open(path, true);
    if (auto* failed = std::get_if<std::string>(&opened)) return std::move(*failed);
    if (Fault fault = std::get<DatabaseView>(opened).integrity_fault()) return std::move(*fault);
    return std::get<DatabaseView>(opened).meta();
  }

  std::variant<DatabaseContent, std::string> read_best() const {
    std::variant<DatabaseView, std::string> opened = DatabaseView::open(best_->path, true);
    if (auto* failed = std::get_if<std::string>(&opened)) return std::move(*failed);
    DatabaseContent content{
        best_->meta.cluster, best_->meta.applied, best_->meta.term, best_->meta.stamp, {}};
    Fault fault = std::get<DatabaseView>(opened).state_rows(
        [&](std::string_view key, std::string_view value) { content.rows.emplace_back(key, value); });
    if (fault) return std::move(*fault);
    return content;
  }

  // The latest sound state artefact of any node that is not of a later entry than the database. Nothing:
  // there is none.
  std::optional<StateObject> fetch_state(const std::string& to_file) {
    if (!objects_) return std::nullopt;
    std::vector<StateObject> all;
    for (const NodeId& node : nodes_) {
      std::variant<std::vector<StateObject>, std::string> listed = list_states(*objects_, cluster_, node);
      if (auto* failed = std::get_if<std::string>(&listed)) {
        wanted_.say(*failed);
        continue;
      }
      for (StateObject& one : std::get<std::vector<StateObject>>(listed)) {
        if (one.index <= best_->meta.applied) all.push_back(std::move(one));
      }
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const StateObject& a, const StateObject& b) { return a.index > b.index; });
    for (const StateObject& one : all) {
      Fault fault = objects_->get(one.name, to_file);
      if (!fault) {
        std::variant<SnapshotSummary, std::string> checked = check_snapshot(to_file);
        if (auto* failed = std::get_if<std::string>(&checked)) {
          fault = std::move(*failed);
        } else if (std::get<SnapshotSummary>(checked).cluster != cluster_) {
          fault = "it is of another cluster";
        }
      }
      if (!fault) return one;
      wanted_.say("the state artefact " + one.name + " is passed over: " + *fault);
    }
    return std::nullopt;
  }

  std::variant<RestoredLost, std::string> found() {
    std::variant<DatabaseContent, std::string> database = read_best();
    if (auto* failed = std::get_if<std::string>(&database)) return std::move(*failed);
    RestoreOptions options;
    options.directory = wanted_.directory;
    options.incarnation = wanted_.incarnation;
    options.cluster = wanted_.cluster;
    const std::string state_file = wanted_.scratch + "/state.snapshot";
    const std::optional<StateObject> state = fetch_state(state_file);
    if (state) options.file = state_file;
    std::variant<SnapshotSummary, std::string> summary =
        restore_database(std::move(std::get<DatabaseContent>(database)),
                         wanted_.founder.empty() ? best_->node : wanted_.founder, options);
    if (auto* failed = std::get_if<std::string>(&summary)) return std::move(*failed);
    return RestoredLost{cluster_,
                        best_->node,
                        best_->meta.applied,
                        best_->meta.stamp.wall_ms,
                        state ? std::optional(state->index) : std::nullopt,
                        std::get<SnapshotSummary>(summary)};
  }

  const RestoreLost& wanted_;
  Target target_;
  std::unique_ptr<Objects> objects_;
  ClusterId cluster_;
  std::vector<NodeId> nodes_;
  std::optional<Best> best_;
};

}  // namespace

std::variant<RestoredLost, std::string> restore_lost(const RestoreLost& wanted) {
  return Restoring(wanted).run();
}

}  // namespace patronus::backup
