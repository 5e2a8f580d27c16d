"""Boots the page."""
import js
import json
import sys

def start():
    js.document.getElementById("app").textContent = "hello " + str(json.load(open("settings.json"))["name"]) + " " + str(js.connectSDK.sdkVersion) + " " + repr(sys.path)
