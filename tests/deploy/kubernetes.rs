//! `deploy/kubernetes/`, as far as it can be checked without a cluster.

use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode, Yaml};

use crate::text;

fn documents(text: &str) -> Vec<Yaml<'_>> {
    Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn of_kind<'a>(documents: &'a [Yaml<'a>], kind: &str) -> &'a Yaml<'a> {
    let found = documents.iter().find(|document| document["kind"].as_str() == Some(kind));
    found.unwrap_or_else(|| panic!("no {kind}"))
}

#[test]
fn the_end_of_a_pod_is_longer_than_that_of_the_service() {
    let text = text("deploy/kubernetes/heijunka.yaml");
    let documents = documents(&text);
    let pod = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    let patience = pod["terminationGracePeriodSeconds"].as_integer().unwrap();
    let pause = &pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1];
    let pause: i64 = pause.as_str().unwrap().parse().unwrap();
    let config = of_kind(&documents, "ConfigMap")["data"]["heijunka.toml"].as_str().unwrap();
    let grace = config.split("grace = \"").nth(1).unwrap().split("s\"").next().unwrap();
    let grace: i64 = grace.parse().unwrap();
    assert!(patience > grace + pause, "{patience} s for {pause} s and {grace} s");
}

#[test]
fn each_probe_asks_for_what_it_is_for() {
    let text = text("deploy/kubernetes/heijunka.yaml");
    let documents = documents(&text);
    let container = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let asked = |probe: &str| container[probe]["httpGet"]["path"].as_str().unwrap();
    assert_eq!(
        ["startupProbe", "livenessProbe", "readinessProbe"].map(asked),
        ["/healthz", "/healthz", "/readyz"]
    );
    let mounted = container["volumeMounts"].as_vec().unwrap().iter();
    let mounted: BTreeSet<&str> = mounted.map(|mount| mount["name"].as_str().unwrap()).collect();
    let volumes = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"]["volumes"];
    let volumes: BTreeSet<&str> =
        volumes.as_vec().unwrap().iter().map(|volume| volume["name"].as_str().unwrap()).collect();
    assert_eq!(mounted, volumes);
}

#[test]
fn the_adapter_gives_what_the_autoscaler_reads() {
    let (manifest, adapter) =
        (text("deploy/kubernetes/heijunka.yaml"), text("deploy/kubernetes/adapter.yaml"));
    let (manifest, adapter) = (documents(&manifest), documents(&adapter));
    let metrics = of_kind(&manifest, "HorizontalPodAutoscaler")["spec"]["metrics"].as_vec().unwrap();
    for (kind, rules) in [("pods", "custom"), ("external", "external")] {
        let read =
            metrics.iter().filter_map(|metric| metric.as_mapping_get(kind)?["metric"]["name"].as_str());
        let read: BTreeSet<&str> = read.collect();
        let given = adapter[0]["rules"][rules].as_vec().unwrap().iter();
        let given: BTreeSet<&str> = given.map(|rule| rule["name"]["as"].as_str().unwrap()).collect();
        assert_eq!(read, given, "{kind}");
        assert!(!read.is_empty());
    }
}
