"""Asks servers in turn, each time over a fresh connection, and prints the milliseconds that each request took.

http.client, which Python's own clients stand on, sends headers and body one after the other. Reads
{"pauseSeconds", "rounds", "requests": [{"port", "path", "type", "token", "body"}]} from standard input.
"""
import http.client
import json
import random
import sys
import time

task = json.load(sys.stdin)
taken = [[] for _ in task["requests"]]


def ask(request):
    body = request["body"].encode()
    headers = {"Content-Type": request["type"], "Authorization": "Bearer " + request["token"]}
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", request["port"])
    connection.request("POST", request["path"], body, headers)
    response = connection.getresponse()
    response.read()
    milliseconds = (time.perf_counter() - start) * 1000
    connection.close()
    if response.status not in (200, 201):
        raise RuntimeError(f"refused: {response.status}")
    return milliseconds


for _ in range(task["rounds"]):
    for index in random.sample(range(len(taken)), len(taken)):
        time.sleep(task["pauseSeconds"])
        taken[index].append(ask(task["requests"][index]))
print(json.dumps(taken))
