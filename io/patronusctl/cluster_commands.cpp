#include "io/patronusctl/cluster_commands.h"

#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>

#include "io/json/writer.h"
#include "io/patronusctl/exit_codes.h"
#include "io/patronusctl/verbs.h"

namespace patronus::ctl {
namespace {

bool has_full_disk(const picojson::value& node) {
  const std::string room = text_of(node, "log_room");
  return room == "low" || room == "none";
}

void print_nodes(const picojson::value& status) {
  Table rows;
  for (const picojson::value& node : array_of(status, "nodes")) {
    const std::string state = is_true(node, "draining")   ? "draining"
                              : !is_true(node, "healthy") ? "not heard"
                              : has_full_disk(node)       ? "disk full"
                                                          : "healthy";
    rows.push_back({text_of(node, "id"), text_of(node, "role"), text_of(node, "standing"), state,
                    text_of(node, "lag_entries"), text_of(node, "last_contact_ms"), text_of(node, "address"),
                    text_of(node, "version")});
  }
  print_table({"NODE", "ROLE", "STANDING", "STATE", "LAG", "HEARD MS AGO", "ADDRESS", "VERSION"}, rows);
}

// In words what the numbers mean, for people.
std::string verdict(const picojson::value& status, int code) {
  if (code == kNoQuorum) return "nobody can write: there is no leader that a quorum follows";
  if (code == kDegraded) return "writes are served, but not every node is well";
  return "all nodes are well; " + text_of(status, "failure_tolerance") + " may fail";
}

int code_of(const picojson::value& status) {
  if (!is_true(status, "healthy")) return kNoQuorum;
  for (const picojson::value& node : array_of(status, "nodes")) {
    if (!is_true(node, "healthy") || is_true(node, "draining") || has_full_disk(node)) return kDegraded;
  }
  return kOk;
}

int show_status(Cluster& cluster) {
  const HttpReply reply = cluster.ask(get("/api/v1/cluster/status"));
  if (reply.status != 200) return explain(reply);
  const picojson::value status = json_of(reply);
  const int code = code_of(status);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
    return code;
  }
  print_rows({{"cluster", text_of(status, "cluster_id")},
              {"leader", text_of(status, "leader")},
              {"term", text_of(status, "term")}});
  if (!status.contains("nodes")) {
    print_line(code == kOk ? "writes are served; log in to see the nodes" : verdict(status, code));
    return code;
  }
  print_rows({{"quorum", text_of(status, "quorum")},
              {"tolerance", text_of(status, "failure_tolerance")},
              {"commit", text_of(status, "commit_index")}});
  print_line("");
  print_nodes(status);
  print_line("");
  print_line(verdict(status, code));
  return code;
}

int watch_status(Cluster& cluster) {
  while (true) {
    print_bytes("\x1b[H\x1b[2J");
    (void)show_status(cluster);
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

int show_history(Cluster& cluster) {
  const HttpReply reply = cluster.ask(get("/api/v1/cluster/history"));
  if (reply.status != 200) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
    return kOk;
  }
  const picojson::value history = json_of(reply);
  Table rows;
  for (const picojson::value& change : array_of(history, "changes")) {
    rows.push_back({text_of(change, "time"), text_of(change, "term"), text_of(change, "leader"),
                    text_of(change, "cause")});
  }
  print_table({"TIME", "TERM", "LEADER", "CAUSE"}, rows);
  return kOk;
}

int list_nodes(Cluster& cluster) {
  const HttpReply reply = cluster.ask(get("/api/v1/cluster/nodes"));
  if (reply.status != 200) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
  } else {
    print_nodes(json_of(reply));
  }
  return kOk;
}

int drain_node(Cluster& cluster, const std::string& id, bool on, bool dry_run) {
  const HttpReply found = cluster.ask(get("/api/v1/cluster/nodes/" + escaped(id)));
  if (found.status != 200) return explain(found);
  print_stake(cluster, "before");
  const std::string verb = on ? "drain" : "undrain";
  if (dry_run) {
    print_line("would " + verb + " node " + id + " at " + text_of(json_of(found), "address"));
    return kOk;
  }
  Question question;
  question.method = "POST";
  question.path = "/api/v1/admin/" + verb;
  question.is_safe_to_repeat = true;
  const HttpReply reply = cluster.ask_node(text_of(json_of(found), "address"), question);
  if (reply.status != 200) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
    return kOk;
  }
  print_line(on ? "node " + id +
                      " drains: it serves whoever is there, takes no new clients and does not lead, until "
                      "it is undrained or restarted"
                : "node " + id + " takes part again");
  print_stake(cluster, "after");
  return kOk;
}

int add_node(Cluster& cluster, const std::string& id, const std::string& address, bool dry_run) {
  if (dry_run) {
    print_line("would expect node " + id + " at " + address);
    return kOk;
  }
  Question question;
  question.method = "POST";
  question.path = "/api/v1/cluster/nodes";
  question.body.emplace();
  json::Writer(*question.body).begin_object().field("id", id).field("address", address).finish();
  const HttpReply reply = cluster.ask(question);
  if (reply.status != 202) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
    return kOk;
  }
  print_line("node " + id + " is expected at " + address +
             "; start it there with an empty data directory and a certificate for " + id +
             ", and `patronusctl node list` shows when it has a vote");
  return kOk;
}

int remove_node(Cluster& cluster, const std::string& id, bool force, bool dry_run) {
  const HttpReply found = cluster.ask(get("/api/v1/cluster/nodes/" + escaped(id)));
  if (found.status != 200) return explain(found);
  print_stake(cluster, "before");
  if (dry_run) {
    print_line("would take node " + id + " out" + (force ? " at once" : ""));
    return kOk;
  }
  Question question;
  question.method = "DELETE";
  question.path = "/api/v1/cluster/nodes/" + escaped(id) + (force ? "?force=1" : "");
  const HttpReply reply = cluster.ask(question);
  if (reply.status != 200) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
    return kOk;
  }
  print_line(
      "node " + id +
      " is taken out: it stops by itself when the others have agreed, and its data directory may then be "
      "deleted");
  print_stake(cluster, "after");
  return kOk;
}

int reinit_node(Cluster& cluster, const std::string& id, bool dry_run) {
  const HttpReply found = cluster.ask(get("/api/v1/cluster/nodes/" + escaped(id)));
  if (found.status != 200) return explain(found);
  print_stake(cluster, "before");
  if (dry_run) {
    print_line("would have node " + id + " set its data directory aside and begin with nothing");
    return kOk;
  }
  Question question;
  question.method = "POST";
  question.path = "/api/v1/admin/reinit/" + escaped(id);
  const HttpReply reply = cluster.ask(question);
  if (reply.status != 202) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
    return kOk;
  }
  print_line(
      "node " + id +
      " sets its data directory aside and is given everything by the others; `patronusctl node list` shows "
      "when it has a vote again");
  return kOk;
}

int show_leader(Cluster& cluster) {
  const HttpReply reply = cluster.ask(get("/api/v1/cluster/status"));
  if (reply.status != 200) return explain(reply);
  const picojson::value status = json_of(reply);
  if (cluster.format() == Format::kJson) {
    std::string text;
    json::Writer out(text);
    out.begin_object().key("leader").raw(status.get("leader").serialize());
    out.key("term").raw(status.get("term").serialize()).finish();
    print_line(text);
  } else {
    print_rows({{"leader", text_of(status, "leader")}, {"term", text_of(status, "term")}});
  }
  return text_of(status, "leader") == "-" ? kNoQuorum : kOk;
}

int move_leader(Cluster& cluster, const std::string& target, bool dry_run) {
  print_stake(cluster, "before");
  if (dry_run) {
    print_line("would have " + (target.empty() ? "the best suited other node" : "node " + target) + " lead");
    return kOk;
  }
  Question question;
  question.method = "POST";
  question.path = "/api/v1/admin/force-election";
  if (!target.empty()) {
    question.body.emplace();
    json::Writer(*question.body).begin_object().field("target", target).finish();
  }
  const HttpReply reply = cluster.ask(question);
  if (reply.status != 200) return explain(reply);
  if (cluster.format() == Format::kJson) {
    print_json(reply);
    return kOk;
  }
  const picojson::value moved = json_of(reply);
  print_line("node " + text_of(moved, "new_leader") + " leads term " + text_of(moved, "term") +
             " instead of " + text_of(moved, "old_leader") + ", after " + text_of(moved, "took_ms") + " ms");
  print_stake(cluster, "after");
  return kOk;
}

// What a verb takes besides the connection.
struct ClusterGiven {
  std::string node;
  std::string address;
  bool force = false;
  bool dry_run = false;
  bool watch = false;
};

}  // namespace

void add_cluster_commands(CLI::App& app, const Connection& connection, std::function<int()>& run) {
  auto given = std::make_shared<ClusterGiven>();
  const auto does = [&run, &connection, given](CLI::App* verb,
                                               std::function<int(Cluster&, const ClusterGiven&)> act) {
    let_do(verb, connection, run,
           [given, act = std::move(act)](Cluster& cluster) { return act(cluster, *given); });
  };
  const auto dry = [given](CLI::App* verb) {
    verb->add_flag("--dry-run", given->dry_run, "says what would be done, and does nothing");
  };
  CLI::App* verb = app.add_subcommand(
      "status",
      "Who leads, and how the nodes are. Exit code 3 if a node is not well, 4 if nobody can write.");
  verb->add_flag("--watch", given->watch, "again each second, until it is interrupted");
  does(verb, [](Cluster& cluster, const ClusterGiven& g) {
    return g.watch ? watch_status(cluster) : show_status(cluster);
  });
  does(app.add_subcommand("history", "Changes of leader, the latest first, and what caused each."),
       [](Cluster& cluster, const ClusterGiven&) { return show_history(cluster); });

  CLI::App* node = app.add_subcommand("node", "The nodes of the cluster.");
  node->require_subcommand(1);
  does(node->add_subcommand("list", "All nodes."),
       [](Cluster& cluster, const ClusterGiven&) { return list_nodes(cluster); });
  verb = node->add_subcommand("add", "Expects a node: it is taken in when it comes with an empty disk.");
  verb->add_option("NODE", given->node, "its id")->required();
  verb->add_option("--address", given->address, "host:port where its peers reach it")->required();
  dry(verb);
  does(verb, [](Cluster& cluster, const ClusterGiven& g) {
    return add_node(cluster, g.node, g.address, g.dry_run);
  });
  verb = node->add_subcommand("remove", "Takes a node out for good; its data directory does not come back.");
  verb->add_option("NODE", given->node, "its id")->required();
  verb->add_flag("--force", given->force, "at once, without draining, whoever else is to leave");
  dry(verb);
  does(verb, [](Cluster& cluster, const ClusterGiven& g) {
    return remove_node(cluster, g.node, g.force, g.dry_run);
  });
  verb = node->add_subcommand(
      "reinit",
      "Has a node set its data directory aside and begin with nothing, to be given everything "
      "by the others.");
  verb->add_option("NODE", given->node, "its id")->required();
  dry(verb);
  does(verb, [](Cluster& cluster, const ClusterGiven& g) { return reinit_node(cluster, g.node, g.dry_run); });
  for (const bool on : {true, false}) {
    verb =
        node->add_subcommand(on ? "drain" : "undrain",
                             on ? "Takes a node out of service without stopping it: balancers send it no new "
                                  "clients, it hands leadership over and takes none."
                                : "Takes a drained node in again.");
    verb->add_option("NODE", given->node, "its id")->required();
    dry(verb);
    does(verb, [on](Cluster& cluster, const ClusterGiven& g) {
      return drain_node(cluster, g.node, on, g.dry_run);
    });
  }

  CLI::App* leader = app.add_subcommand("leader", "Who leads, and who shall.");
  leader->require_subcommand(1);
  does(leader->add_subcommand("show", "Who leads which term."),
       [](Cluster& cluster, const ClusterGiven&) { return show_leader(cluster); });
  verb =
      leader->add_subcommand("transfer", "Hands leadership to another node; no acknowledged write is lost.");
  verb->add_option("--to", given->node, "the node that shall lead [the one best suited]");
  dry(verb);
  does(verb, [](Cluster& cluster, const ClusterGiven& g) { return move_leader(cluster, g.node, g.dry_run); });
  verb = leader->add_subcommand("force-election", "The same, to whoever is best suited.");
  dry(verb);
  does(verb, [](Cluster& cluster, const ClusterGiven& g) { return move_leader(cluster, {}, g.dry_run); });
}

}  // namespace patronus::ctl
