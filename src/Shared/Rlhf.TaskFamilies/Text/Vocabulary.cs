namespace Rlhf.TaskFamilies.Text;

/// <summary>The people, animals and things that several families share.</summary>
internal static class Vocabulary
{
    public static readonly Person[] People =
    [
        new("Tom", "he"), new("Anna", "she"), new("Ben", "he"), new("Lily", "she"), new("Max", "he"), new("Mia", "she"),
        new("Sam", "he"), new("Lucy", "she"), new("Leo", "he"), new("Emma", "she"), new("Jack", "he"), new("Nora", "she"),
        new("Tim", "he"), new("Rosie", "she"), new("Finn", "he"), new("Ella", "she"), new("Oscar", "he"), new("Ruby", "she"),
        new("Toby", "he"), new("Daisy", "she"), new("Peter", "he"), new("Molly", "she"), new("Hugo", "he"), new("Poppy", "she"),
    ];

    public static readonly string[] Animals =
    [
        "rabbit", "fox", "bear", "mouse", "owl", "duck", "cat", "dog", "frog", "squirrel", "hedgehog", "turtle",
        "pony", "lamb", "kitten", "puppy", "penguin", "elephant", "monkey", "beaver",
    ];

    public static readonly string[] Colours = ["red", "blue", "green", "yellow", "white", "black", "brown", "pink", "orange", "purple"];

    public static readonly string[] Toys = ["ball", "kite", "doll", "drum", "puzzle", "train", "boat", "robot"];

    public static readonly string[] Clothes = ["hat", "scarf", "coat", "shirt", "sweater", "dress"];

    public static readonly string[] Things = ["bag", "cup", "box", "book", "lamp", "umbrella", "chair", "bike", "basket", "pen"];

    public static readonly string[] Places =
        ["river", "forest", "garden", "hill", "lake", "bridge", "beach", "farm", "park", "village", "meadow", "island"];

    public static readonly string[] Numbers =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

    /// <summary>Words that no kind answer holds. They belong to the vocabulary because the corpus holds unkind answers.</summary>
    public static readonly string[] RudePhrases =
        ["stupid", "shut up", "go away", "who cares", "i do not care", "leave me alone", "your own fault", "boring", "ugly", "hate", "烦", "讨厌", "走开", "真笨", "不想理", "难看"];

    public static IEnumerable<string> All =>
        People.SelectMany(p => new[] { p.Name, p.He, p.Him, p.His })
            .Concat(Animals).Concat(Colours).Concat(Toys).Concat(Clothes).Concat(Things).Concat(Places).Concat(Numbers).Concat(RudePhrases)
            .Append("a an the and");
}
