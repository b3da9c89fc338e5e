//! Tests files that a page saves in a window.

use std::{ffi::OsStr, fs};

use serde_json::json;

use crate::{
    driver::Driver,
    program::{manners, until},
};

#[tokio::test]
async fn a_download_reports_its_file_and_overwrites_none() {
    let home = tempfile::tempdir().unwrap();
    let environment: [(&str, &OsStr); 1] = [("HOME", home.path().as_ref())];
    let driver = Driver::window_of(&manners(), &environment, &[]).await;
    driver.element("launches").await;
    let folder = home.path().join("Downloads");
    for (name, address) in [
        ("table.csv", "'data:text/csv,a%2Cb'"),
        ("table (1).csv", "URL.createObjectURL(new Blob(['a,b']))"),
    ] {
        driver
            .js(&format!("Object.assign(document.createElement('a'), {{ download: 'table.csv', href: {address} }}).click()"))
            .await;
        let file = folder.join(name);
        until(name, async || (fs::read_to_string(&file).ok()? == "a,b").then_some(())).await;
        let message = format!("Saved {name} in {}", folder.display());
        driver.js_until(&format!("document.body.textContent.includes({})", json!(message))).await;
    }
}
