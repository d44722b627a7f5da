using System.Text.Json.Nodes;

namespace Rlhf.Datasets.Tests;

/// <summary>One row of every format, as its documentation has it, and what shall be recognised.</summary>
internal static class Samples
{
    public static readonly (string Format, string Json)[] All =
    [
        ("language-modeling", """{"text":"The sky is blue."}"""),
        ("language-modeling", """{"messages":[{"role":"user","content":"What color is the sky?"},{"role":"assistant","content":"It is blue."}]}"""),
        ("prompt-only", """{"prompt":"The sky is"}"""),
        ("prompt-only", """{"prompt":[{"role":"user","content":"What color is the sky?"}]}"""),
        ("prompt-completion", """{"prompt":"The sky is","completion":" blue."}"""),
        ("prompt-completion", """{"prompt":[{"role":"user","content":"What color is the sky?"}],"completion":[{"role":"assistant","content":"It is blue."}]}"""),
        ("preference", """{"prompt":"The sky is","chosen":" blue.","rejected":" green.","margin":1.5}"""),
        ("preference", """{"prompt":[{"role":"user","content":"Hi"}],"chosen":[{"role":"assistant","content":"Hello."}],"rejected":[{"role":"assistant","content":"No."}]}"""),
        ("preference-implicit", """{"chosen":"The sky is blue.","rejected":"The sky is green."}"""),
        ("preference-implicit", """{"chosen":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."}],"rejected":[{"role":"user","content":"Hi"},{"role":"assistant","content":"No."}]}"""),
        ("unpaired-preference", """{"prompt":"The sky is","completion":" blue.","label":true}"""),
        ("unpaired-preference", """{"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":"No."}],"label":false}"""),
        ("stepwise-supervision", """{"prompt":"Which is larger, 9.8 or 9.11?","completions":["9.8 has .8.","9.11 has .11.","So 9.11 > 9.8."],"labels":[true,true,false]}"""),
        ("hh-rlhf", """{"chosen":"\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Why?\n\nAssistant: Because.","rejected":"\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Why?\n\nAssistant: No."}"""),
        ("alpaca", """{"instruction":"Add.","input":"1 2","output":"3","id":7}"""),
        ("alpaca", """{"instruction":"Again.","input":"","output":"Yes.","system":"Be kind.","history":[["Hi","Hello."]]}"""),
        ("self-instruct", """{"id":"seed_task_0","name":"add","instruction":"Add.","instances":[{"input":"1 2","output":"3"}],"is_classification":false}"""),
        ("sharegpt", """{"id":"x1","conversations":[{"from":"system","value":"Be kind."},{"from":"human","value":"Hi"},{"from":"gpt","value":"Hello."}]}"""),
        ("openrlhf", """{"input":"The sky is","output":" blue."}"""),
        ("openrlhf", """{"input":"1 + 1 =","label":"2"}"""),
        ("openrlhf", """{"input":"1 + 1 =","output":"2","label":"2"}"""),
        ("openrlhf", """{"input":"1 + 1 =","output":"3","label":false}"""),
        ("llama-factory-dpo", """{"conversations":[{"from":"human","value":"Hi"}],"chosen":{"from":"gpt","value":"Hello."},"rejected":{"from":"gpt","value":"No."}}"""),
        ("llama-factory-kto", """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"No."}],"label":false}"""),
        ("llama-factory-dpo-alpaca", """{"instruction":"Add.","input":"1 2","chosen":"3","rejected":"4","system":"Be short.","history":[["Hi","Hello."]]}"""),
        ("llama-factory-kto-sharegpt", """{"conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"No."}],"kto_tag":false}"""),
        ("llama-factory-kto-alpaca", """{"instruction":"Add.","input":"1 2","output":"3","kto_tag":true}"""),
        ("ranking", """{"prompt":"Name a fruit.","completions":["A spoon.","An apple.","A pear."],"ranks":[2,1,1],"agreement":0.8,"annotators":5}"""),
        ("ranking", """{"prompt":[{"role":"user","content":"Hi"}],"completions":[[{"role":"assistant","content":"Hello."}],[{"role":"assistant","content":"No."}]],"ranks":[1,2]}"""),
        ("openai-comparisons", """{"info":{"id":"t3_1","post":"I am late.","title":"Late","subreddit":"tifu"},"summaries":[{"text":" Late.","policy":"a"},{"text":" On time.","policy":"b"}],"choice":1,"worker":"w","split":"train","extra":{"confidence":7}}"""),
        ("oasst", """{"message_tree_id":"row-1","prompt":{"text":"Hi","role":"prompter","replies":[{"text":"Hello.","role":"assistant","replies":[],"rank":0},{"text":"Yes.","role":"assistant","replies":[],"rank":1},{"text":"No.","role":"assistant","replies":[],"rank":2}]}}"""),
        ("alpaca-eval", """{"instruction":"Hi","output_1":"No.","generator_1":"m1","output_2":"Hello.","generator_2":"m2","annotator":"gpt4","preference":2}"""),
        ("alpaca-eval", """{"instruction":"Hi","output_1":"Hey.","output_2":"Hello.","preference":1.5}"""),
        ("gsm8k", """{"question":"1 + 1?","answer":"<<1+1=2>>2\n#### 2"}"""),
    ];

    public static JsonNode Parse(string json) => JsonNode.Parse(json)!;

    public static string One(this TemporaryDirectory folder, string name, params string[] lines)
    {
        File.WriteAllLines(folder[name], lines);
        return folder[name];
    }
}
